"""Train an hourglass network to find the 16 joints of a stick figure, then look at what it has learnt.

    python examples/train_hourglass.py

A few minutes on two cores. It writes into --out (default runs/hourglass):

    metrics.json       scores on the four test sets, and those of the mean pose, which any network must beat, of the
                       middle of the image, and of the truth itself, read back from perfect heatmaps
    log.csv            one row an epoch          curves.png   the same as a picture
    predictions.png    test images with the true and the predicted skeleton side by side
    heatmaps.png       what the network sees for each of the joints of one image
    best.safetensors   the network with the best validation score
    last.safetensors   the network and the optimiser as they are now; --resume goes on from here
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import minipose
from minipose import models, pose
from minipose.data import SETS, StickFigures
from minipose.files import atomic_path
from minipose.nn import summary
from minipose.optim import Adam, CosineWithWarmup
from minipose.train import (
    Interrupted,
    Trainer,
    evaluate_sets,
    finding_lines,
    load_checkpoint,
    predict_maps,
    table,
)
from minipose.viz import heatmap_sheet, prediction_sheet, training_curves

TEST_SETS = ("plain", "circles", "shapes", "platform")
LEARNING_RATE = 2e-3
SHOWN = 2  # test images of each set in predictions.png
WARMUP = 0.08  # of all steps, while the batch statistics settle


@dataclass(frozen=True)
class Amounts:
    """How many images: in an epoch of training, for validation, and of each test set."""

    epoch: int
    validation: int
    test: int


FULL = Amounts(epoch=6400, validation=512, test=500)
DRY = Amounts(epoch=24, validation=16, test=16)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--epochs", type=int, default=7, help=f"rounds of {FULL.epoch} new training images (default 7)")
    add("--batch-size", type=int, default=32, help="images in one step of the optimiser (default 32)")
    add("--size", type=int, default=64, help="side of the square images in pixels, a multiple of 2**depth (default 64)")
    add("--width", type=int, default=32, help="channels at half the image size, doubled at each step down (default 32)")
    add("--depth", type=int, default=3, help="how often the image is halved on the way in (default 3)")
    add("--stacks", type=int, default=1, help="hourglasses one after the other, each correcting the last (default 1)")
    add("--no-skip", action="store_true", help="without the encoder's features in the decoder, as in the report")
    add("--set", choices=SETS, default="mixed", help="what is behind the training figures (default mixed: all four)")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs an NVIDIA GPU and CuPy (default cpu)")
    add("--seed", type=int, default=0, help="of weights and training images; test images never change (default 0)")
    add("--out", type=Path, help="folder for the results (default runs/hourglass, or runs/dry-run)")
    add("--resume", action="store_true", help="go on from last.safetensors in --out")
    add("--dry-run", action="store_true", help="a few steps on a few images, to see that everything works")
    arguments = parser.parse_args()
    for name, least in (("epochs", 1), ("batch_size", 1), ("width", 1), ("depth", 2), ("stacks", 1), ("seed", 0)):
        if getattr(arguments, name) < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    if arguments.out is None:
        arguments.out = Path("runs/dry-run" if arguments.dry_run else "runs/hourglass")
    return arguments


def architecture_of(arguments: argparse.Namespace) -> dict:
    options = {
        "width": arguments.width,
        "depth": arguments.depth,
        "skip": not arguments.no_skip,
        "stacks": arguments.stacks,
    }
    return {"name": "hourglass", "options": options}


def build_trainer(arguments: argparse.Namespace, amounts: Amounts) -> Trainer:
    """Return the trainer for these arguments, from the saved run where --resume asks for it."""
    minipose.manual_seed(arguments.seed)
    architecture = architecture_of(arguments)
    settings = {name: getattr(arguments, name) for name in ("batch_size", "size", "set", "seed")}
    model = models.create(architecture["name"], **architecture["options"])
    print(summary(model, (1, 3, arguments.size, arguments.size)))
    model.to(arguments.device)
    steps_per_epoch = max(1, amounts.epoch // arguments.batch_size)
    total_steps = arguments.epochs * steps_per_epoch
    optimizer = Adam(model.parameters(), lr=LEARNING_RATE)
    trainer = Trainer(
        model,
        optimizer,
        CosineWithWarmup(optimizer, total_steps, warmup_steps=max(1, round(WARMUP * total_steps))),
        training=StickFigures(
            arguments.set, "train", arguments.size, total_steps * arguments.batch_size, seed=arguments.seed
        ),
        validation=StickFigures(arguments.set, "val", arguments.size, amounts.validation),
        batch_size=arguments.batch_size,
        steps_per_epoch=steps_per_epoch,
        out=arguments.out,
        architecture=architecture,
        settings=settings,
        device=arguments.device,
    )
    if arguments.resume:
        checkpoint = load_checkpoint(arguments.out / "last.safetensors")
        saved = {**checkpoint.architecture["options"], **checkpoint.training["settings"]}
        wanted = {**architecture["options"], **settings}
        differing = [f"{name} was {saved.get(name)}, now {v}" for name, v in wanted.items() if saved.get(name) != v]
        if differing:
            raise ValueError(f"--resume needs the options that the run began with: {'; '.join(differing)}")
        trainer.resume(checkpoint)
        if trainer.step > total_steps:
            raise ValueError(f"--epochs {arguments.epochs}: the run has done {trainer.step // steps_per_epoch} already")
        print(f"resuming after {trainer.step} of {total_steps} steps")
    return trainer


def draw_pictures(arguments: argparse.Namespace, model: minipose.nn.Module, figures: dict[str, StickFigures]) -> None:
    """Write curves.png, predictions.png and heatmaps.png."""
    training_curves(arguments.out / "log.csv", arguments.out / "curves.png")
    batches = [figures[name].batch(np.arange(SHOWN)) for name in TEST_SETS]
    images = np.concatenate([batch.images for batch in batches])
    true = np.concatenate([batch.points for batch in batches])
    maps = predict_maps(model, images)
    predicted, _ = pose.decode_dark(maps, model.output_stride)
    visible = np.concatenate([batch.visible for batch in batches])
    titles = [name for name in TEST_SETS for _ in range(SHOWN)]
    prediction_sheet(
        images, true, predicted, arguments.out / "predictions.png", visible=visible, titles=titles, columns=4
    )
    shown = titles.index("platform")
    heatmap_sheet(images[shown], maps[shown], arguments.out / "heatmaps.png", model.output_stride, points=true[shown])


def run(arguments: argparse.Namespace) -> None:
    amounts = DRY if arguments.dry_run else FULL
    if arguments.dry_run:
        arguments.epochs, arguments.batch_size = 1, min(arguments.batch_size, 8)
    try:  # fail now, not after the first epoch
        arguments.out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=arguments.out).close()
    except OSError as error:
        raise OSError(f"--out {arguments.out} is not a folder that can be written: {error.strerror}") from None

    trainer = build_trainer(arguments, amounts)
    print("the first step waits a few seconds for its kernels: they are compiled once on each machine")
    trainer.fit(trainer.schedule.total_steps)
    model = load_checkpoint(arguments.out / "best.safetensors").build().to(arguments.device)
    tests = {name: StickFigures(name, "test", arguments.size, amounts.test) for name in TEST_SETS}
    report = evaluate_sets(model, tests, trainer.training, strict=False)
    draw_pictures(arguments, model, tests)
    metrics = {
        **report,
        "seconds": round(trainer.seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
        "images_per_second": round(trainer.step * arguments.batch_size / trainer.seconds, 1),
    }
    with atomic_path(arguments.out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
    print(table(report["sets"], report["mean_pose"], image_centre=report["image_centre"], codec=report["codec"]))
    for line in finding_lines(report["findings"]):
        print(line)
    print(f"{metrics['seconds']:.0f} s, {metrics['images_per_second']:.0f} images/s; see {arguments.out}")


def main() -> int:
    arguments = parse_arguments()
    try:
        run(arguments)
    except Interrupted:
        again = " ".join([*(a for a in sys.argv if a != "--resume"), "--resume"])
        print(f"\ninterrupted; everything is saved. Go on with: python {again}", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ArithmeticError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
