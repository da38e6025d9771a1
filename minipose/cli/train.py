"""Train a network to find the 16 joints of a stick figure, and score it on test sets that it has never seen.

The folder of the run then holds its settings (config.json), its log (log.csv, log.jsonl, curves.png), the network with
the best validation score (best.safetensors), all that is needed to go on (last.safetensors), the scores (metrics.json)
and pictures of what it answers (predictions.png, heatmaps.png).
"""

from __future__ import annotations

import argparse
import sys

from minipose.train import Interrupted, add_run_arguments, run_from_arguments, train_and_score
from minipose.train.interrupts import how_to_go_on
from minipose.viz import run_pictures

EXAMPLES = """examples:
  minipose train --out runs/first
  minipose train --width 16 --epochs 3 --seed 1 --out runs/narrow
  minipose train --out runs/first --resume
  minipose train --poses mine.npy --style course --out runs/mine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of a run to the parser."""
    add_run_arguments(parser, out="runs/hourglass")


def run(arguments: argparse.Namespace) -> int:
    """Train, score, draw; after Ctrl-C, say how to go on."""
    config, out, resume, overwrite = run_from_arguments(arguments)
    try:
        return train_and_score(config, out, resume, overwrite, arguments.dry_run, run_pictures)
    except Interrupted:
        dry = ["--dry-run"] if arguments.dry_run else []
        print(how_to_go_on(["minipose", "train", *dry, "--out", str(out)]), file=sys.stderr)
        return 130
