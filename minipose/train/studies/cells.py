"""The cells of a study: one training run each, by its row and its seed, in a folder of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minipose.train.checkpoints import load_checkpoint
from minipose.train.config import Config
from minipose.train.folder import holds_a_run
from minipose.train.loop import BEST, LAST, Trainer
from minipose.train.report import TEST_SETS, score_run
from minipose.train.run import CONFIG, train

# What a study keeps of each test set.
METRICS = ("pckh50", "pckh10", "auc", "epe_px", "report_score", "pckh50_agnostic")
REFERENCES = ("mean_pose", "image_centre", "codec")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]*")  # what every file system takes as the name of a folder
WITHOUT_EFFECT = ("workers", "checkpoint_every", "tensorboard")  # settings that change nothing of the result


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Parameters
    ----------
    name : str
        Of its row in the table: letters, digits and . _ + = -.
    config : Config
        With the seed.

    Raises
    ------
    ValueError
        If the name is no such text.
    """

    name: str
    config: Config

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(f"Cell: name must be of letters, digits and . _ + = -, for a folder's, not {self.name!r}")

    @property
    def key(self) -> str:
        """Its name and seed, which is also the name of its folder."""
        return f"{self.name}-{self.config.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of its run in the study's."""
        return Path(out) / "cells" / self.key

    def log(self, out: Path) -> Path:
        """Return the file of what the run says, with the traceback of an error."""
        return Path(out) / "cells" / f"{self.key}.log"

    def metrics(self, out: Path, count: int) -> dict[str, Any] | None:
        """Return the scores of the finished run on `count` images of each test set; None where it is not finished."""
        try:
            metrics = json.loads((self.folder(out) / "metrics.json").read_text(encoding="utf-8"))
            parts = [metrics[part][name] for part in ("sets", *REFERENCES) for name in TEST_SETS]
            is_whole = all(metric in part for part in parts for metric in METRICS)
            is_whole = is_whole and {"parameters", "seconds", "findings"} <= metrics.keys()
            return metrics if is_whole and all(part["poses"] == count for part in parts) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def make_cells(configs: Mapping[str, Config], seeds: Iterable[int]) -> list[Cell]:
    """Return a cell for every row and seed; all rows have their first seed before any has its second."""
    return [Cell(name, replace(config, seed=seed)) for seed in seeds for name, config in configs.items()]


def check_folders(cells: Sequence[Cell], out: Path) -> None:
    """Raise ValueError where a cell's folder holds a run of other settings: a table must not mix them."""
    keys = [cell.key.casefold() for cell in cells]  # some file systems do not tell "A" from "a"
    twice = [cell.key for cell in cells if keys.count(cell.key.casefold()) > 1]
    if twice:
        raise ValueError(f"two runs of the study have the same folder: {', '.join(sorted(set(twice)))}")
    for cell in cells:
        differing = _differing(cell, cell.folder(out))
        if differing:
            raise ValueError(
                f"{cell.folder(out)} holds a run of other settings: {'; '.join(differing)}; give the options that the "
                "study began with, or another --out"
            )


def _differing(cell: Cell, folder: Path) -> list[str]:
    if not (folder / CONFIG).is_file():
        return [f"there is no {CONFIG}"] if holds_a_run(folder) else []
    saved, asked = (asdict(config) for config in (Config.load(folder / CONFIG), cell.config))
    asked = json.loads(json.dumps(asked))  # a tuple comes back as a list
    differing = [f"{name} was {saved[name]}, now {asked[name]}" for name in asked
                 if name not in WITHOUT_EFFECT and saved[name] != asked[name]]  # fmt: skip
    checkpoint = next((folder / name for name in (BEST, LAST) if (folder / name).is_file()), None)
    if differing or checkpoint is None:
        return differing
    # The same settings may mean another network, where a default of the network has changed since.
    built = load_checkpoint(checkpoint).architecture
    now = json.loads(json.dumps(cell.config.architecture))
    return [] if built == now else [f"the network was {built}, now {now}"]


def run_cell(config: Config, folder: Path, count: int) -> None:
    """Train, or go on with, the run in a folder, and score its best network on `count` images of each test set.

    Raises
    ------
    Interrupted, FloatingPointError, OSError, ValueError, RuntimeError
        As `train`.
    """

    def finish(trainer: Trainer) -> None:
        score_run(config, trainer, load_checkpoint(folder / BEST).build().to(config.device), count)

    train(config, folder, resume=(folder / CONFIG).is_file(), finish=finish)
