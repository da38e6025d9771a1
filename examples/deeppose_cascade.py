"""Refine the joints that a network finds by the cascade of DeepPose (Toshev and Szegedy 2014, section 3.2).

    python examples/deeppose_cascade.py
    python examples/deeppose_cascade.py --run runs/hourglass

The first trains DeepPose itself, which answers with coordinates, and then two stages that look closely at each of its
estimates: some minutes. The second takes the network of a run of `minipose train`. It writes into --out (default
runs/deeppose-cascade):

    metrics.json           scores on the four test sets, of the network and after each stage
    cascade.safetensors    the stages, for minipose.train.Cascade.load
    predictions.png        images of median error with the pose of the network and after each stage side by side
    network/               the run of DeepPose, unless --run is given; --resume goes on with it
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import minipose
from minipose import pose
from minipose.data import Dataset
from minipose.files import write_json
from minipose.models import CascadeStage
from minipose.nn import Module
from minipose.train import (
    TEST_COUNT,
    TEST_SETS,
    Callback,
    Cascade,
    Config,
    Interrupted,
    Trainer,
    default_codec,
    figures_of,
    fit_errors,
    load_checkpoint,
    locked_folder,
    make_test_sets,
    predict,
    run_program,
    table,
    train,
    train_stage,
)
from minipose.train.config import positive
from minipose.viz import pose_sheet

STAGES, PICTURE, SCORES = FILES = ("cascade.safetensors", "predictions.png", "metrics.json")  # as they are written
LEARNING_RATE = 2e-3  # of the network, which learns faster from it than from the default
BATCH = 16  # images, all of whose joints are crops of one step of a stage
EPOCHS = 15  # of DeepPose's training
FITTED = 1000  # images on which the errors of the stages before are measured
REPORTED = 100  # steps of a stage after which its loss is printed


def train_cascade(
    config: Config, model: Module, arguments: argparse.Namespace, say: Callable[[str], object] = print
) -> Cascade:
    """Train stage after stage, each on the errors of the network and the stages before it."""
    codec = default_codec(model, (config.size, config.size), config.sigma)
    held_out = figures_of(config, "val", 32 if arguments.dry_run else FITTED)
    answers = predict(model, held_out, codec)
    images, points = held_out.batch(np.arange(len(held_out))).images, answers.points
    cascade = Cascade([], arguments.sigma)
    for number in range(arguments.stages):
        errors = fit_errors(points, answers.true, answers.visible, answers.image_size)
        spread = np.sqrt(np.trace(errors.covariances, axis1=1, axis2=2).mean() / 2)
        say(f"stage {number + 1}: errors before it have a standard deviation of {spread:.3f} diameters of the pose")
        # Each stage of each run has seeds of its own, so that its figures are new to the network and to all stages.
        figures_seed, seed, moves_seed = map(int, np.random.SeedSequence([config.seed, 1 + number]).generate_state(3))
        minipose.manual_seed(seed)
        stage, losses = CascadeStage(), []

        def report(step: int, loss: float, losses: list[float] = losses, number: int = number) -> None:
            losses.append(loss)
            if step % REPORTED == 0 or step == arguments.stage_steps:
                say(f"stage {number + 1}, step {step} of {arguments.stage_steps}: loss {np.mean(losses):.4f}")
                losses.clear()

        figures = figures_of(replace(config, seed=figures_seed), "train", arguments.stage_steps * BATCH)
        train_stage(stage, figures, errors, cascade.sigma, arguments.stage_steps, BATCH, seed=moves_seed, say=report)
        cascade.stages.append(stage)
        points = Cascade([stage], cascade.sigma).refine(images, points)[0]
    return cascade


def score_set(model: Module, cascade: Cascade, figures: Dataset, codec: Any) -> tuple[dict[str, Any], np.ndarray]:
    """Return the scores on a test set before and after each stage, and all these estimates (1 + stages, N, J, 2)."""
    answers = predict(model, figures, codec)
    images = figures.batch(np.arange(len(figures))).images
    estimates = [answers.points, *cascade.refine(images, answers.points)]
    names = ["network", *(f"stage {number + 1}" for number in range(len(cascade.stages)))]
    scores = {
        name: pose.summarise(points, answers.true, answers.visible, max(answers.image_size))
        for name, points in zip(names, estimates, strict=True)
    }
    return scores, np.stack(estimates)


def draw(out: Path, shown: dict[str, tuple[Dataset, np.ndarray]]) -> None:
    """Write predictions.png: of each test set an image of median error, by the network and after each stage."""
    images, people, titles = [], [], []
    for name, (figures, estimates) in shown.items():
        batch = figures.batch(np.arange(len(figures)))
        errors = np.linalg.norm(estimates - batch.points, axis=-1).mean(axis=-1)
        typical = int(np.argsort(errors[0])[len(errors[0]) // 2])  # those of the worst image say little of the others
        for number, points in enumerate(estimates[:, typical]):
            images.append(batch.images[typical])
            people.append(points[None])
            what = f"stage {number}" if number else "network"
            titles.append(f"{name}, {what}: {errors[number, typical]:.1f} px")
    pose_sheet(images, people, out / PICTURE, titles=titles, columns=len(next(iter(shown.values()))[1]))


class Clear(Callback):
    """Removes the results of an earlier cascade once its network is trained anew: not where that is refused."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def on_train_begin(self, trainer: Trainer | None = None) -> None:
        for name in FILES:
            (self.out / name).unlink(missing_ok=True)


def config_of(arguments: argparse.Namespace) -> Config:
    """Return the settings of the network: those of its run, or those that are asked for."""
    if arguments.run:
        if arguments.epochs is not None or arguments.seed is not None or arguments.resume:
            raise ValueError(
                "--epochs, --seed and --resume are for the training of DeepPose; leave them out, since the network of "
                "--run is trained already"
            )
        return Config.load(arguments.run / "config.json")
    config = Config(
        model="deeppose", head="scalar", epochs=arguments.epochs or EPOCHS, learning_rate=LEARNING_RATE,
        seed=arguments.seed or 0,
    )  # fmt: skip
    return config.dry() if arguments.dry_run else config


def run(arguments: argparse.Namespace) -> None:
    out = arguments.out or Path("runs/dry-run-cascade" if arguments.dry_run else "runs/deeppose-cascade")
    overwrite = arguments.overwrite or (arguments.dry_run and arguments.out is None and not arguments.resume)
    config = config_of(arguments)  # looked at first, so that a mistake changes nothing
    model = load_checkpoint(arguments.run / "best.safetensors").build() if arguments.run else None
    with locked_folder(out):
        if (out / SCORES).exists() and not overwrite:  # without the scores it is unfinished
            raise FileExistsError(f"{out} holds a cascade already: replace it by --overwrite, or choose another --out")
        clear, seconds = Clear(out), {"network": 0.0}
        if arguments.run:
            clear.on_train_begin()
        else:
            trainer = train(config, out / "network", arguments.resume, overwrite, callbacks=[clear], say=print)
            seconds["network"] = round(trainer.seconds, 1)
            model = load_checkpoint(out / "network" / "best.safetensors").build()
        try:
            refine(config, model, arguments, out, seconds)
        except KeyboardInterrupt:
            if arguments.run:  # then nothing is saved, and the same command begins anew
                raise
            raise Interrupted from None


def refine(
    config: Config, model: Module, arguments: argparse.Namespace, out: Path, seconds: dict[str, float]
) -> None:
    """Train the stages, score them, draw, and write all of it."""
    began = time.perf_counter()
    cascade = train_cascade(config, model, arguments)
    seconds["cascade"] = round(time.perf_counter() - began, 1)
    cascade.save(out / STAGES)
    codec = default_codec(model, (config.size, config.size), config.sigma)
    tests = make_test_sets(config, TEST_SETS, 16 if arguments.dry_run else TEST_COUNT)
    results = {name: score_set(model, cascade, figures, codec) for name, figures in tests.items()}
    scores = {name: result[0] for name, result in results.items()}
    print(table({f"{name}, {what}": row for name, rows in scores.items() for what, row in rows.items()}))
    draw(out, {name: (tests[name], estimates) for name, (_, estimates) in results.items()})
    settings = {
        "epochs": config.epochs, "stages": arguments.stages, "stage_steps": arguments.stage_steps,
        "sigma": arguments.sigma, "seed": config.seed, "run": arguments.run and str(arguments.run),
    }  # fmt: skip
    write_json(out / SCORES, {"sets": scores, "seconds": seconds, "settings": settings})
    print(f"{sum(seconds.values()):.0f} s; see {out}")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--run", type=Path, help="folder of a run of `minipose train`, whose best network is refined (default: none; "
                                 "DeepPose is trained)")  # fmt: skip
    add("--out", type=Path, help="folder for the results (default runs/deeppose-cascade, or runs/dry-run-cascade)")
    add("--epochs", type=positive(int), metavar="N", help=f"of DeepPose's training (default {EPOCHS})")
    add("--stages", type=positive(int), default=2, metavar="N", help="stages of the cascade (default 2)")
    add("--stage-steps", type=positive(int), default=1200, metavar="N", help="steps of each stage (default 1200)")
    add("--sigma", type=positive(float), default=1.5, metavar="X",
        help="side of the crops in diameters of the pose, from left shoulder to right hip (default 1.5)")  # fmt: skip
    add("--seed", type=int, metavar="N", help="of weights and training images of DeepPose (default 0)")
    begin = parser.add_mutually_exclusive_group().add_argument
    begin("--resume", action="store_true", help="go on with the training of DeepPose in --out")
    begin("--overwrite", action="store_true", help="replace the results in --out")
    add("--dry-run", action="store_true", help="a few steps on a few images, to see that everything works")
    return parser


def main() -> int:
    arguments = make_parser().parse_args()
    if arguments.dry_run:
        arguments.stage_steps = min(arguments.stage_steps, 2)
    return run_program(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
