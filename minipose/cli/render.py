"""Draw a sheet of samples of a data set, with their joints and names, to see what a network will see."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  minipose render --set platform
  minipose render --set occluded --skeleton --count 12 --size 128 --out occluded.png
  minipose render --poses mine.npy --style course
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    from minipose.data import SETS

    add = parser.add_argument
    add("--set", choices=SETS, default="mixed", help="what is around the figures (default mixed)")
