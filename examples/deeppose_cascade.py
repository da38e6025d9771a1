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
    Cascade,
    Config,
    Interrupted,
    default_codec,
    figures_of,
    fit_errors,
    load_checkpoint,
    locked_folder,
    make_test_sets,
    predict,
    table,
    train,
    train_stage,
)
from minipose.train.config import positive
from minipose.viz import pose_sheet

FILES = ("cascade.safetensors", "metrics.json", "predictions.png")
LEARNING_RATE = 2e-3  # of the network, which learns faster from it than from the default
BATCH = 16  # images, all of whose joints are crops of one step of a stage
SETTINGS = ("epochs", "stages", "stage_steps", "sigma", "seed")  # which are written beside the scores
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
        minipose.manual_seed(config.seed + number)
        stage, losses = CascadeStage(), []

        def report(step: int, loss: float, losses: list[float] = losses, number: int = number) -> None:
            losses.append(loss)
            if step % REPORTED == 0 or step == arguments.stage_steps:
                say(f"stage {number + 1}, step {step} of {arguments.stage_steps}: loss {np.mean(losses):.4f}")
                losses.clear()

        # Figures of another seed for every stage, so that none is seen twice.
        figures = figures_of(replace(config, seed=config.seed + 1 + number), "train", arguments.stage_steps * BATCH)
        train_stage(stage, figures, errors, cascade.sigma, arguments.stage_steps, BATCH, seed=number, say=report)
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
    pose_sheet(images, people, out / FILES[2], titles=titles, columns=len(next(iter(shown.values()))[1]))


def run(arguments: argparse.Namespace) -> None:
    out = arguments.out or Path("runs/dry-run-cascade" if arguments.dry_run else "runs/deeppose-cascade")
    overwrite = arguments.overwrite or (arguments.dry_run and arguments.out is None)
    if arguments.run:  # looked at first, so that a mistake changes nothing
        config = Config.load(arguments.run / "config.json")
        model = load_checkpoint(arguments.run / "best.safetensors").build()
    else:
        config = Config(
            model="deeppose", head="scalar", epochs=arguments.epochs, learning_rate=LEARNING_RATE, seed=arguments.seed
        )
        config = config.dry() if arguments.dry_run else config
    with locked_folder(out):
        if any((out / name).exists() for name in FILES) and not overwrite:
            raise FileExistsError(f"{out} holds a cascade already: replace it by --overwrite, or choose another --out")
        for name in FILES:
            (out / name).unlink(missing_ok=True)
        began = time.perf_counter()
        if not arguments.run:
            train(config, out / "network", arguments.resume, overwrite, say=print)
            model = load_checkpoint(out / "network" / "best.safetensors").build()
        seconds = {"network": round(time.perf_counter() - began, 1)}
        began = time.perf_counter()
        cascade = train_cascade(config, model, arguments)
        seconds["cascade"] = round(time.perf_counter() - began, 1)
        cascade.save(out / FILES[0])

        codec = default_codec(model, (config.size, config.size), config.sigma)
        tests = make_test_sets(config, TEST_SETS, 16 if arguments.dry_run else TEST_COUNT)
        results = {name: score_set(model, cascade, figures, codec) for name, figures in tests.items()}
        scores = {name: result[0] for name, result in results.items()}
        print(table({f"{name}, {what}": row for name, rows in scores.items() for what, row in rows.items()}))
        draw(out, {name: (tests[name], estimates) for name, (_, estimates) in results.items()})
        settings = {name: getattr(arguments, name) for name in SETTINGS}
        settings["run"] = arguments.run and str(arguments.run)
        write_json(out / FILES[1], {"sets": scores, "seconds": seconds, "settings": settings})
        print(f"{sum(seconds.values()):.0f} s; see {out}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--run", type=Path, help="folder of a run of `minipose train`, whose best network is refined (default: none; "
                                 "DeepPose is trained)")  # fmt: skip
    add("--out", type=Path, help="folder for the results (default runs/deeppose-cascade, or runs/dry-run-cascade)")
    add("--epochs", type=positive(int), default=15, metavar="N", help="of DeepPose's training (default 15)")
    add("--stages", type=positive(int), default=2, metavar="N", help="stages of the cascade (default 2)")
    add("--stage-steps", type=positive(int), default=1200, metavar="N", help="steps of each stage (default 1200)")
    add("--sigma", type=positive(float), default=1.5, metavar="X",
        help="side of the crops in diameters of the pose, from left shoulder to right hip (default 1.5)")  # fmt: skip
    add("--seed", type=int, default=0, help="of weights and training images of DeepPose (default 0)")
    add("--resume", action="store_true", help="go on with the training of DeepPose in --out")
    add("--overwrite", action="store_true", help="replace the results in --out")
    add("--dry-run", action="store_true", help="a few steps on a few images, to see that everything works")
    arguments = parser.parse_args()
    if arguments.dry_run:
        arguments.stage_steps = min(arguments.stage_steps, 2)
    try:
        run(arguments)
    except (Interrupted, KeyboardInterrupt):
        again = " ".join([*(a for a in sys.argv if a not in ("--resume", "--overwrite")), "--resume"])
        print(f"\ninterrupted; the network is saved. Go on with: python {again}", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ArithmeticError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
