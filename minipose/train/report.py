"""What a finished run is worth: the scores of its best network on test sets that nobody has trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minipose.data import Dataset, StickFigures
from minipose.files import write_json
from minipose.nn import Module
from minipose.train.config import Config
from minipose.train.evaluate import evaluate_sets
from minipose.train.loop import Trainer
from minipose.train.run import figures_of

TEST_SETS = ("plain", "circles", "shapes", "platform")  # those of the report
TEST_COUNT = 500  # images of each


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
