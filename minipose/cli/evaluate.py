"""Score a trained network on test sets, with the lines that it has to beat.

Under the scores stand those of the mean pose and of the image's centre, which have not looked at the image, and those
of the truth sent through the codec, which nothing can beat. On the course's data the report's own rows follow. What
looks like one of the known mistakes (x and y exchanged, right and left exchanged, labels in another order, ...) is
named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minipose.data import COURSE_SETS, SETS, CocoKeypoints, CourseFigures, Dataset
from minipose.files import write_json
from minipose.train import TEST_COUNT, TEST_SETS, Config, make_test_sets

EXAMPLES = """examples:
  minipose evaluate --run runs/hourglass
  minipose evaluate --run runs/hourglass --sets occluded,shift --joints --json scores.json
  minipose evaluate --run runs/hourglass --data course --root course_data
  minipose evaluate --run runs/hourglass --data coco --root images --annotations person_keypoints.json
"""
DECODERS = ("dark", "quarter", "argmax")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add = parser.add_argument
    add("--run", type=Path, help="a trained network: the folder of its run, or a .safetensors file (default: shipped)")
    add("--data", choices=("figures", "course", "coco"), default="figures", help="what to score on (default figures)")
    add("--sets", help="names with commas between them (default: plain,circles,shapes,platform, or test1 to test4)")
    add("--count", type=int, help=f"stick figures of each set (default {TEST_COUNT})")
    add("--root", type=Path, metavar="FOLDER", help="folder of the course's data, or of COCO's images")
    add("--normalised", action="store_true", help="the course's labels are fractions of the image's side, not pixels")
    add("--annotations", type=Path, metavar="FILE.json", help="COCO's annotations")
    add("--decoder", choices=DECODERS, help="how heatmaps are read (default dark)")
    add("--joints", action="store_true", help="print the scores of each joint too")
    add("--json", type=Path, metavar="FILE", help="also write all scores as JSON, as in metrics.json")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs an NVIDIA GPU and CuPy (default cpu)")


def run(arguments: argparse.Namespace) -> int:
    """Print the tables, write the JSON, and return 1 if the scores tell of a mistake."""
    from minipose.cli.runs import open_run
    from minipose.train import REFERENCES, course_table, evaluate_sets, finding_lines, joint_table, table

    _check_options(arguments)
    trained = open_run(arguments.run, arguments.decoder or "dark")
    if arguments.decoder and trained.config.head != "heatmap":
        raise ValueError(f"--decoder is for heatmaps; this network's head is {trained.config.head}, read in one way")
    datasets = _datasets(arguments, trained.config)
    report = evaluate_sets(
        trained.model.to(arguments.device), datasets, trained.training(), trained.codec, strict=False
    )
    print(table(report["sets"], **{line: report[line] for line in REFERENCES if line in report}))
    if arguments.data == "course":
        print(f"\n{course_table(report)}")
    if arguments.joints:
        print(f"\n{joint_table(report['sets'])}")
    if arguments.json:
        write_json(arguments.json, report)
    for line in finding_lines(report["findings"]):
        print(line, file=sys.stderr)
    return 1 if any(finding["is_error"] for finding in report["findings"]) else 0


def _check_options(arguments: argparse.Namespace) -> None:
    """Raise ValueError for options that do not go together, before anything is loaded."""
    if (arguments.root is None) != (arguments.data == "figures"):
        raise ValueError("--root FOLDER goes with --data course or --data coco, which need it")
    if (arguments.annotations is None) != (arguments.data != "coco"):
        raise ValueError("--annotations FILE.json goes with --data coco, which needs it")
    if arguments.sets and arguments.data == "coco":
        raise ValueError("--sets goes with --data figures or --data course; COCO's annotations are one set")
    if arguments.normalised and arguments.data != "course":
        raise ValueError("--normalised goes with --data course")
    if arguments.count is not None and arguments.data != "figures":
        raise ValueError("--count goes with --data figures, which are drawn; of a folder all images are scored")
    if arguments.json and not arguments.json.parent.is_dir():
        raise ValueError(f"--json: there is no folder {arguments.json.parent} to write {arguments.json.name} into")


def _datasets(arguments: argparse.Namespace, config: Config) -> dict[str, Dataset]:
    if arguments.data == "coco":
        return {"coco": CocoKeypoints(arguments.annotations, arguments.root, config.size)}
    if arguments.data == "course":
        names = _names(arguments.sets or ",".join(COURSE_SETS), COURSE_SETS)
        return {name: CourseFigures(arguments.root, name, config.size, arguments.normalised) for name in names}
    names = _names(arguments.sets or ",".join(TEST_SETS), SETS)
    return make_test_sets(config, names, TEST_COUNT if arguments.count is None else arguments.count)


def _names(text: str, known: Sequence[str]) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise ValueError(f"--sets: there is no set {wrong[0]!r}; there are {', '.join(known)}")
    return list(dict.fromkeys(names))
