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
import json
import sys
from pathlib import Path

import numpy as np

from minipose import pose
from minipose.data import StickFigures
from minipose.files import atomic_path
from minipose.nn import Module
from minipose.train import (
    Interrupted,
    add_run_arguments,
    evaluate_sets,
    figures_of,
    finding_lines,
    load_checkpoint,
    predict_maps,
    run_from_arguments,
    table,
    train,
)
from minipose.viz import heatmap_sheet, prediction_sheet, training_curves

TEST_SETS = ("plain", "circles", "shapes", "platform")
TEST_COUNT, DRY_COUNT = 500, 16  # images of each test set; of a dry run
SHOWN = 2  # test images of each set in predictions.png


def draw_pictures(out: Path, model: Module, figures: dict[str, StickFigures]) -> None:
    """Write curves.png, predictions.png and heatmaps.png."""
    training_curves(out / "log.csv", out / "curves.png")
    batches = [figures[name].batch(np.arange(SHOWN)) for name in TEST_SETS]
    images = np.concatenate([batch.images for batch in batches])
    true = np.concatenate([batch.points for batch in batches])
    maps = predict_maps(model, images)
    predicted, _ = pose.decode_dark(maps, model.output_stride)
    visible = np.concatenate([batch.visible for batch in batches])
    titles = [name for name in TEST_SETS for _ in range(SHOWN)]
    prediction_sheet(images, true, predicted, out / "predictions.png", visible=visible, titles=titles, columns=4)
    shown = titles.index("platform")
    heatmap_sheet(images[shown], maps[shown], out / "heatmaps.png", model.output_stride, points=true[shown])


def run(arguments: argparse.Namespace) -> None:
    # Every setting of the run is in `config`; the folder keeps it as config.json.
    config, out, resume, overwrite = run_from_arguments(arguments)

    # The network, the figures, Adam and its learning rates are made in minipose/train/run.py; the loop over the
    # batches is in minipose/train/loop.py.
    trainer = train(config, out, resume, overwrite, say=print)

    # The best network of all epochs, by its validation score, meets images that it has never seen.
    model = load_checkpoint(out / "best.safetensors").build().to(config.device)
    count = DRY_COUNT if arguments.dry_run else TEST_COUNT
    tests = {name: StickFigures(name, "test", config.size, count) for name in TEST_SETS}
    report = evaluate_sets(model, tests, figures_of(config, "train"), trainer.codec, strict=False)

    draw_pictures(out, model, tests)
    metrics = {
        **report,
        "seconds": round(trainer.seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
        "images_per_second": round(trainer.step * config.batch_size / trainer.seconds, 1),
    }
    with atomic_path(out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
    print(table(report["sets"], report["mean_pose"], image_centre=report["image_centre"], codec=report["codec"]))
    for line in finding_lines(report["findings"]):
        print(line)
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
