"""Train an hourglass network to find the 16 joints of a stick figure, then look at what it has learnt.

    python examples/train_hourglass.py

A few minutes on two cores. It writes into --out (default runs/hourglass):

    metrics.json       scores on the four test sets, and those of the mean pose, which any network must beat, of the
                       middle of the image, and of the truth itself, read back from perfect heatmaps
    log.csv            one row an epoch          log.jsonl    the same          curves.png   the same as a picture
    predictions.png    test images with the true and the predicted skeleton side by side
    heatmaps.png       what the network sees for each of the joints of one image
    config.json        all options
    best.safetensors   the network with the best validation score
    last.safetensors   the network and all of its training as they are now; --resume goes on from here
"""

from __future__ import annotations

import argparse
import sys

from minipose.train import add_run_arguments, run_from_arguments, run_program, train_and_score
from minipose.viz import run_pictures


def run(arguments: argparse.Namespace) -> int:
    # Every setting of the run is in `config`; the folder keeps it as config.json.
    config, out, resume, overwrite = run_from_arguments(arguments)

    # The network, the figures, Adam and its learning rates are made in minipose/train/run.py; the loop over the
    # batches is in minipose/train/loop.py. Then the best network of all epochs, by its validation score, meets images
    # that it has never seen: that is in minipose/train/report.py.
    return train_and_score(config, out, resume, overwrite, arguments.dry_run, run_pictures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, out="runs/hourglass")
    return run_program(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
