"""Score a trained network on test sets, with the lines that it has to beat.

Under the scores stand those of the mean pose and of the image's centre, which have not looked at the image, and those
of the truth sent through the codec, which nothing can beat. What looks like one of the known mistakes (x and y
exchanged, right and left exchanged, labels in another order, ...) is named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  minipose evaluate --run runs/hourglass
  minipose evaluate --run runs/hourglass --sets occluded,shift --joints --json scores.json
  minipose evaluate --run runs/hourglass --data course --root course_data
  minipose evaluate --run runs/hourglass --data coco --root images --annotations person_keypoints.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add = parser.add_argument
    add("--run", type=Path, help="a trained network: the folder of its run, or a .safetensors file (default: shipped)")
    add("--data", choices=("figures", "course", "coco"), default="figures", help="what to score on (default figures)")
    add("--sets", help="names with commas between them (default: plain,circles,shapes,platform, or test1 to test4)")
    add("--count", type=int, default=500, help="stick figures of each set (default 500)")
    add("--root", type=Path, metavar="FOLDER", help="folder of the course's data, or of COCO's images")
    add("--annotations", type=Path, metavar="FILE.json", help="COCO's annotations")
    add("--decoder", choices=("dark", "quarter", "argmax"), default="dark", help="from heatmaps to joints (default dark)")
    add("--joints", action="store_true", help="print the scores of each joint too")
    add("--json", type=Path, metavar="FILE", help="also write all scores as JSON, as in metrics.json")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs an NVIDIA GPU and CuPy (default cpu)")
