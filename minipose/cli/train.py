"""Train a network to find the 16 joints of a stick figure, and score it on test sets that it has never seen.

The folder of the run then holds its settings (config.json), its log (log.csv, log.jsonl, curves.png), the network with
the best validation score (best.safetensors), all that is needed to go on (last.safetensors), the scores (metrics.json)
and pictures of what it answers (predictions.png, heatmaps.png).
"""

from __future__ import annotations

import argparse
import sys

from minipose.train import (
    Interrupted,
    add_run_arguments,
    finding_lines,
    load_checkpoint,
    make_test_sets,
    predict_outputs,
    run_from_arguments,
    score_run,
    table,
    train,
)
from minipose.viz import run_pictures

EXAMPLES = """examples:
  minipose train --out runs/first
  minipose train --width 16 --epochs 3 --seed 1 --out runs/narrow
  minipose train --out runs/first --resume
  minipose train --poses mine.npy --style course --out runs/mine
"""
DRY_COUNT = 16  # test images of each set in a dry run
SHOWN = 2  # test images of each set in predictions.png


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of a run to the parser."""
    add_run_arguments(parser, out="runs/hourglass")


def run(arguments: argparse.Namespace) -> int:
    """Train, score, draw; after Ctrl-C, say how to go on."""
    config, out, resume, overwrite = run_from_arguments(arguments)
    try:
        trainer = train(config, out, resume, overwrite, say=print)
    except Interrupted:
        print(f"\ninterrupted; everything is saved. Go on with: minipose train --out {out} --resume", file=sys.stderr)
        return 130
    model = load_checkpoint(out / "best.safetensors").build().to(config.device)
    metrics = score_run(config, trainer, model, **({"count": DRY_COUNT} if arguments.dry_run else {}))
    shown = {name: figures.batch(range(SHOWN)) for name, figures in make_test_sets(config, count=SHOWN).items()}
    outputs = {name: predict_outputs(model, batch.images) for name, batch in shown.items()}
    run_pictures(out, shown, outputs, trainer.codec)
    print(table(metrics["sets"], **{line: metrics[line] for line in ("mean_pose", "image_centre", "codec")}))
    for line in finding_lines(metrics["findings"]):
        print(line, file=sys.stderr)
    print(f"{metrics['seconds']:.0f} s, {metrics['images_per_second']:.0f} images/s; see {out}")
    return 1 if any(finding["is_error"] for finding in metrics["findings"]) and not arguments.dry_run else 0
