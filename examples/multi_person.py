"""Train a network to find all of two to three stick figures in an image, as OpenPose does (Cao et al. 2017).

    python examples/multi_person.py

Besides a heatmap for each joint, the network gives a field for each limb, which points along it from joint to joint.
The peaks of the heatmaps are joints, anyone's; a line between two of them along which the field points the right way is
a limb; and limbs that share a joint are one person: see `minipose.pose.AffinityCodec`. Nearly 30,000 images of 96 x 96
take a quarter of an hour of one core, and reach an average precision of 0.90. It writes into --out (default
runs/multi-person):

    metrics.json       average precision over the OKS thresholds (COCO) on images that are new to the network, and that
                       of the truth itself, read back from perfect maps, about the best that a network can reach
    log.csv            one row an epoch          log.jsonl    the same          curves.png   the same as a picture
    predictions.png    test images with all people that were found, each in a colour of its own, how many there are, and
                       the average precision of this image alone
    best.safetensors   the network with the best validation score
    last.safetensors   the network and all of its training as they are now; --resume goes on from here
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import minipose
from minipose import models
from minipose.data import StickFigures
from minipose.files import write_json
from minipose.nn import summary
from minipose.optim import Adam, CosineWithWarmup
from minipose.pose import AffinityCodec, average_precision
from minipose.train import (
    Interrupted,
    Trainer,
    evaluate_people,
    load_checkpoint,
    locked_folder,
    predict_outputs,
    run_program,
    validate_people,
)
from minipose.train.config import positive
from minipose.train.folder import clear, holds_a_run
from minipose.train.run import check_not_done
from minipose.viz import pose_sheet, training_curves

SHOWN = 12  # test images in predictions.png
FIXED = ("size", "width", "stacks", "epoch_size", "batch_size", "learning_rate", "validation", "seed")  # of one run
COLUMNS = ("AP", "AP50", "AP75", "AR")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, n = parser.add_argument, {"type": positive(int), "metavar": "N"}
    add("--size", **n, default=96, help="side of the images in pixels, a multiple of 8 (default 96)")
    add("--width", **n, default=32, help="channels of the network at half the image size (default 32)")
    add("--stacks", **n, default=1, help="hourglasses one after the other (default 1)")
    add("--epochs", **n, default=10, help="rounds, each of which ends with a validation (default 10)")
    add("--epoch-size", **n, default=3000,
        help="new training images in a round, rounded down to whole batches (default 3000)")  # fmt: skip
    add("--batch-size", **n, default=16, help="images in one step of the optimiser (default 16)")
    add("--learning-rate", type=positive(float), default=8e-3, metavar="X",
        help="the highest, after warming up (default 0.008)")  # fmt: skip
    add("--validation", **n, default=200, help="images for validation (default 200)")
    add("--test", **n, default=500, help="images for the scores (default 500)")
    add("--seed", type=int, default=0, help="of weights and training images; test images never change (default 0)")
    add("--out", type=Path, help="folder for the results (default runs/multi-person, or runs/dry-run)")
    begin = parser.add_mutually_exclusive_group().add_argument
    begin("--resume", action="store_true", help="go on with the run in --out; give the same options again")
    begin("--overwrite", action="store_true", help="begin anew in a folder that holds a run, which is lost")
    add("--dry-run", action="store_true", help="a few steps on a few images, to see that everything works")
    return parser


def build(options: argparse.Namespace) -> Trainer:
    """Return what trains the network, as `minipose.train.build_trainer` does for one figure an image."""
    minipose.manual_seed(options.seed)
    codec = AffinityCodec((options.size, options.size))
    # Any network that gives heatmaps will do: it gives one map for each joint, and two for each limb.
    architecture = {
        "name": "hourglass",
        "options": {"width": options.width, "stacks": options.stacks, "joints": codec.channels},
    }
    model = models.create(architecture["name"], **architecture["options"])
    summary(model, (1, 3, options.size, options.size))  # fails here where the size does not fit
    steps = options.epoch_size // options.batch_size
    if steps == 0:
        raise ValueError(f"--epoch-size {options.epoch_size} must be at least --batch-size {options.batch_size}")
    total = options.epochs * steps
    optimizer = Adam(model.parameters(), lr=options.learning_rate)
    count = total * options.batch_size  # each training image is seen once
    return Trainer(
        model,
        optimizer,
        CosineWithWarmup(optimizer, total, warmup_steps=max(1, round(0.08 * total))),
        training=StickFigures("crowd", "train", options.size, count, options.seed),
        validation=StickFigures("crowd", "val", options.size, options.validation),
        batch_size=options.batch_size,
        steps_per_epoch=steps,
        out=options.out,
        architecture=architecture,
        settings={name: getattr(options, name) for name in FIXED},
        codec=codec,
        validate=validate_people,
        holds_lock=True,
        source={"program": "examples/multi_person.py"},
    )


def resume(trainer: Trainer) -> None:
    checkpoint = load_checkpoint(trainer.out / "last.safetensors")
    before = checkpoint.training["settings"]
    differing = [
        f"--{name.replace('_', '-')} was {before.get(name)}, now {value}"
        for name, value in trainer.settings.items()
        if before.get(name) != value
    ]
    if differing:
        raise ValueError(f"--resume needs the options that the run began with: {'; '.join(differing)}")
    trainer.resume(checkpoint)
    check_not_done(trainer)


def report(trainer: Trainer, test: StickFigures) -> None:
    """Score the best network of all epochs, draw what it finds, and write both down."""
    codec, out = trainer.codec, trainer.out
    model = load_checkpoint(out / "best.safetensors").build()
    shown = test.batch(range(min(SHOWN, len(test))))
    truth = test.batch(range(len(test)))
    people, _, scores = codec.decode(codec.ideal_outputs(truth.people, truth.people_visible))
    lines = {
        "crowd": evaluate_people(model, test, codec),
        "codec": average_precision(people, scores, truth.people, truth.people_visible),
    }
    metrics = {
        **{line: {name: scores[name] for name in COLUMNS} for line, scores in lines.items()},
        "images": trainer.step * trainer.batch_size,
        "seconds": round(trainer.seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    write_json(out / "metrics.json", metrics)
    print(" ".join(f"{name:>8}" for name in ("", *COLUMNS)))
    for line in lines:
        print(" ".join([f"{line:>8}", *(f"{metrics[line][name]:8.3f}" for name in COLUMNS)]))
    people, found, scores = codec.decode(predict_outputs(model, shown.images))
    titles = []
    for image in zip(people, scores, shown.people, shown.people_visible, strict=True):
        alone = average_precision(*([of_image] for of_image in image))
        titles.append(f"{len(image[0])} for {len(image[2])} people, AP {alone['AP']:.2f}")
    # A joint that was not found is at the place that its limb points to most, or at its neighbour's: a hollow dot.
    pose_sheet(shown.images, people, out / "predictions.png", [1 + f.astype(np.uint8) for f in found], titles,
               by_person=True)  # fmt: skip
    training_curves(out / "log.csv", out / "curves.png")
    print(f"{metrics['images']} images in {metrics['seconds']:.0f} s; see {out}")


def run(options: argparse.Namespace) -> None:
    own = options.dry_run and options.out is None
    options.out = options.out or Path("runs/dry-run" if options.dry_run else "runs/multi-person")
    if options.dry_run:
        options.epochs, options.epoch_size, options.validation, options.test = 2, 16, 8, 8
        options.batch_size = min(options.batch_size, 8)
    trainer, last = build(options), options.out / "last.safetensors"
    if options.resume and not last.is_file():  # before the folder is made
        raise FileNotFoundError(f"there is no run in {options.out} to resume: there is no file {last}")
    with locked_folder(options.out):
        if options.resume:
            resume(trainer)
        elif holds_a_run(options.out) and not (options.overwrite or own):
            raise FileExistsError(f"{options.out} holds a run already: add --resume or --overwrite, or change --out")
        else:
            clear(options.out)
        trainer.fit()
        try:
            report(trainer, StickFigures("crowd", "test", options.size, options.test))
        except KeyboardInterrupt:
            raise Interrupted from None  # resumed, the run is scored anew


def main() -> int:
    return run_program(lambda: run(make_parser().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
