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

DRY_COUNT = 16  # images of each test set in a dry run
SHOWN = 2  # test images of each set in predictions.png


def run(arguments: argparse.Namespace) -> None:
    # Every setting of the run is in `config`; the folder keeps it as config.json.
    config, out, resume, overwrite = run_from_arguments(arguments)

    # The network, the figures, Adam and its learning rates are made in minipose/train/run.py; the loop over the
    # batches is in minipose/train/loop.py.
    trainer = train(config, out, resume, overwrite, say=print)

    # The best network of all epochs, by its validation score, meets images that it has never seen. Under its scores
    # stand those of the average pose, given as the answer to every image: that is the line to beat.
    model = load_checkpoint(out / "best.safetensors").build().to(config.device)
    metrics = score_run(config, trainer, model, **({"count": DRY_COUNT} if arguments.dry_run else {}))
    print(table(metrics["sets"], **{line: metrics[line] for line in ("mean_pose", "image_centre", "codec")}))
    for line in finding_lines(metrics["findings"]):
        print(line)

    # Scores do not show what a network sees. Two images of each set do.
    shown = {name: figures.batch(range(SHOWN)) for name, figures in make_test_sets(config, count=SHOWN).items()}
    outputs = {name: predict_outputs(model, batch.images) for name, batch in shown.items()}
    run_pictures(out, shown, outputs, trainer.codec)
    print(f"{metrics['seconds']:.0f} s, {metrics['images_per_second']:.0f} images/s; see {out}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, out="runs/hourglass")
    try:
        run(parser.parse_args())
    except Interrupted:
        again = " ".join([*(a for a in sys.argv if a not in ("--resume", "--overwrite")), "--resume"])
        print(f"\ninterrupted; everything is saved. Go on with: python {again}", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ArithmeticError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
