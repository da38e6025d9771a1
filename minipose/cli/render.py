"""Draw a sheet of samples of a data set, to see what a network will see.

With --skeleton, the joints are drawn over the images: a hollow dot is a hidden joint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  minipose render --set platform
  minipose render --set occluded --skeleton --count 12 --size 128 --out occluded.png
  minipose render --poses mine.npy --style course
"""
MOST = 400  # images on one sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    from minipose.data import CUES, PLACEMENTS, SETS, STYLES

    add = parser.add_argument
    add("--set", choices=SETS, default="mixed", help="what is around the figures (default mixed)")
    add("--split", choices=("train", "val", "test"), default="train", help="which samples (default train)")
    add("--size", type=int, default=64, help="side of the square images in pixels (default 64)")
    add("--count", type=int, default=16, help=f"number of images, up to {MOST} (default 16)")
    add("--seed", type=int, default=0, help="of the samples (default 0)")
    add("--placement", choices=PLACEMENTS, default="free", help="how the figures fill the image (default free)")
    add("--cue", choices=CUES, default="front", help="what tells right from left (default front)")
    add("--back-p", type=float, default=0.0, metavar="P", help="chance that a figure faces away (default 0)")
    add("--poses", type=Path, metavar="FILE.npy", help="poses to draw, N x 32 or N x 16 x 2, instead of random ones")
    add("--style", choices=STYLES, default="minipose", help="whose drawing rules (default minipose)")
    add("--skeleton", action="store_true", help="draw the joints and the bones too")
    add("--columns", type=int, default=4, help="images side by side (default 4)")
    add("--out", type=Path, default=Path("samples.png"), help="the picture (default samples.png)")


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet."""
    from minipose.data import StickFigures
    from minipose.viz import pose_sheet

    if not 1 <= arguments.count <= MOST:
        raise ValueError(f"--count must be from 1 to {MOST}, not {arguments.count}")
    figures = StickFigures(
        arguments.set, arguments.split, arguments.size, arguments.count, arguments.seed, placement=arguments.placement,
        cue=arguments.cue, back_p=arguments.back_p, poses=arguments.poses, style=arguments.style,
    )  # fmt: skip
    batch = figures.batch(range(len(figures)))
    people = batch.people if arguments.skeleton else [p[:0] for p in batch.people]
    visible = batch.people_visible if arguments.skeleton else [v[:0] for v in batch.people_visible]
    titles = [f"{index} {name}" for index, name in zip(batch.indices, batch.sets, strict=True)]
    pose_sheet(batch.images, people, arguments.out, visible, titles, arguments.columns, panel=192)
    print(f"{len(batch)} images of {figures} are in {arguments.out}")
    return 0
