"""What a finished run is worth: the scores of its best network on test sets that nobody has trained on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from minipose.data import Dataset, StickFigures
from minipose.files import write_json
from minipose.nn import Module
from minipose.train.checkpoints import load_checkpoint
from minipose.train.config import Config
from minipose.train.evaluate import evaluate_sets
from minipose.train.loop import BEST, Trainer
from minipose.train.predictions import predict_outputs
from minipose.train.run import figures_of, train
from minipose.train.tables import REFERENCES, finding_lines, table

TEST_SETS = ("plain", "circles", "shapes", "platform")  # those of the report
TEST_COUNT = 500  # images of each
DRY_COUNT = 16  # of a dry run
SHOWN = 2  # images of each test set that are drawn


def make_test_sets(config: Config, names: Sequence[str] = TEST_SETS, count: int = TEST_COUNT) -> dict[str, Dataset]:
    """Return test sets for a run: random poses, in the style, the placement and with the cue that it is trained on.

    Parameters
    ----------
    config : Config
    names : sequence of str
        Of `minipose.data.SETS`. Default: the four of the report.
    count : int
        Images of each. Default 500.

    Raises
    ------
    ValueError
        As `StickFigures`.
    """
    return {name: StickFigures(name, "test", config.size, count, **config.drawing) for name in names}


def score_run(config: Config, trainer: Trainer, model: Module, count: int = TEST_COUNT) -> dict[str, Any]:
    """Score a network of a run, the best one as a rule, and write metrics.json into the run's folder.

    Parameters
    ----------
    config, trainer : what the run was made from, and what `train` returned
    model : Module
    count : int
        Images of each test set. Default 500.

    Returns
    -------
    dict
        As `evaluate_sets`, with `seconds` of training and validation, `images_per_second` over these, and `parameters`.
        Without a mean pose where the run is trained on a data set of its own.
    """
    training = None if trainer.source.get("own") else figures_of(config, "train")
    report = evaluate_sets(model, make_test_sets(config, count=count), training, trainer.codec, strict=False)
    metrics = {
        **report,
        "seconds": round(trainer.seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
        "images_per_second": round(trainer.step * config.batch_size / trainer.seconds, 1),
    }
    write_json(trainer.out / "metrics.json", metrics)
    return metrics


def train_and_score(
    config: Config,
    out: str | os.PathLike,
    resume: bool = False,
    overwrite: bool = False,
    dry: bool = False,
    draw: Callable[..., object] = lambda folder, batches, outputs, codec: None,
    say: Callable[[str], object] = print,
) -> int:
    """Train a network, score the best of all epochs and draw what it answers, all with the folder locked.

    Parameters
    ----------
    config, out, resume, overwrite, say : as for `train`
    dry : bool
        Score on a few images, and expect nothing of the network. Default False.
    draw : function of the folder, batches of test images by set, what the network gave for them, and the codec
        Such as `minipose.viz.run_pictures`. Default: nothing is drawn.

    Returns
    -------
    int
        The exit status of a program: 1 if the scores tell of a mistake, which stderr names; else 0.

    Raises
    ------
    FileExistsError, FileNotFoundError, ValueError, RuntimeError, Interrupted, FloatingPointError, OSError
        As `train`.
    """
    errors = []

    def finish(trainer: Trainer) -> None:
        # Under the scores stand those of the mean pose, given as the answer to every image: that is the line to beat.
        model = load_checkpoint(trainer.out / BEST).build().to(config.device)
        metrics = score_run(config, trainer, model, DRY_COUNT if dry else TEST_COUNT)
        # Scores do not show what a network sees. Two images of each set do.
        shown = {name: figures.batch(range(SHOWN)) for name, figures in make_test_sets(config, count=SHOWN).items()}
        outputs = {name: predict_outputs(model, batch.images) for name, batch in shown.items()}
        draw(trainer.out, shown, outputs, trainer.codec)
        say(table(metrics["sets"], **{line: metrics[line] for line in REFERENCES if line in metrics}))
        for line in finding_lines(metrics["findings"]):
            print(line, file=sys.stderr)
        say(f"{metrics['seconds']:.0f} s, {metrics['images_per_second']:.0f} images/s; see {trainer.out}")
        errors.extend(finding for finding in metrics["findings"] if finding["is_error"])

    train(config, out, resume, overwrite, say=say, finish=finish)
    return int(bool(errors) and not dry)
