"""What a detector looks at, and what it says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minipose import pose
from minipose.data import Dataset
from minipose.nn import Module
from minipose.train.predictions import Labels, Predictions

ERROR_FROM = 0.2  # the share of the error that a change must take away to be no chance


@dataclass(frozen=True)
class Finding:
    """Something that is probably a mistake.

    Attributes
    ----------
    name : str
    message : str
        One sentence on what was seen and what it likely means.
    where : str
        The function to look at, as module:function, line.
    improvement : float, optional
        The share of the error that disappears when the mistake is undone; over 0.2 this is an error, else a warning.
    sets : tuple of str
        The test sets that it is about, where `evaluate_sets` was given several by name.
    """

    name: str
    message: str
    where: str
    improvement: float | None = None
    sets: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether the scores cannot be believed; otherwise it is a warning."""
        return self.improvement is not None and self.improvement > ERROR_FROM

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {**asdict(self), "sets": list(self.sets), "is_error": self.is_error}


class SuspiciousScores(RuntimeError):
    """A simple change of the predictions makes them much better, so the scores tell of a mistake in the pipeline.

    Attributes
    ----------
    findings : list of Finding
        The errors, the largest improvement first.
    report : dict or None
        What `evaluate_sets` would have returned.
    """

    def __init__(self, findings: list[Finding], report: dict[str, Any] | None = None) -> None:
        seen = [f", seen{in_sets(finding.sets)}" if finding.sets else "" for finding in findings]
        texts = [f"{f.message}{where}; look at {f.where}" for f, where in zip(findings, seen, strict=True)]
        super().__init__("; ".join(texts))
        self.findings = findings
        self.report = report


@dataclass(frozen=True, eq=False)
class Case:
    """Predictions, and whatever is known of where they come from."""

    predictions: Predictions
    codec: Any = None
    model: Module | None = None
    dataset: Dataset | None = None
    known: Labels | None = None  # of the training data
    training: Dataset | None = None
    skeleton: pose.Skeleton = pose.STICK_FIGURE

    @property
    def labelled(self) -> np.ndarray:
        """Which joints (N, J) have a true position."""
        return self.predictions.visible > 0

    def improvement(self, points: np.ndarray, samples: slice | np.ndarray = slice(None)) -> float | None:
        """Return the share of the error that is gone with `points` for the predictions of some samples.

        None if it is no error to speak of: at most a fifth is gone; or the new answers are no pose, being worse than
        the best constant one by over a tenth; or no more samples are better than heads come up when a coin is tossed
        as often (three standard deviations, so that fewer than nine samples tell nothing).
        """
        true, labelled = self.predictions.true[samples], self.labelled[samples]
        before, after = (_errors(p, true, labelled) for p in (self.predictions.points[samples], points))
        if not len(before) or before.mean() == 0:
            return None
        constant = _errors(np.broadcast_to(pose.mean_pose(true, labelled), true.shape), true, labelled)
        gone = 1 - after.mean() / before.mean()
        is_good = after.mean() < 1.1 * constant.mean()
        is_no_chance = (after < before).sum() >= len(before) / 2 + 1.5 * len(before) ** 0.5
        return float(gone) if gone > ERROR_FROM and is_good and is_no_chance else None


def _errors(points: np.ndarray, true: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """The mean error (n,) of each pose that has a labelled joint."""
    distances = np.where(labelled, np.linalg.norm(points - true, axis=-1), 0).sum(axis=1)
    counts = labelled.sum(axis=1)
    return distances[counts > 0] / counts[counts > 0]


def source_of(thing: Any) -> str:
    """Return where a function, or a class, is written: "module:function, line 12", found out now."""
    if thing is None:
        return "the caller"
    thing = inspect.unwrap(thing)
    name = f"{thing.__module__}:{thing.__qualname__}"
    try:
        return f"{name}, line {inspect.getsourcelines(thing)[1]}"
    except (OSError, TypeError):  # typed into an interpreter, or compiled
        return name


def reader_of(dataset: Dataset | None) -> Callable[..., Any] | None:
    """Return the function that makes a data set's samples."""
    if dataset is None:
        return None
    own_batch = getattr(type(dataset), "batch", None)
    return own_batch if own_batch not in (None, Dataset.batch) else type(dataset).__getitem__


def in_sets(sets: Sequence[str]) -> str:
    """Return where something was found, " in circles, shapes"; nothing where the sets have no name."""
    return f" in {', '.join(sets)}" if sets else ""


def percent(share: float) -> str:
    """Return a share of 1 as text, "25 %"."""
    return f"{100 * share:.0f} %"
