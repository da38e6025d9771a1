"""The training log: one row an epoch, as CSV and as JSON lines, both files whole at any moment."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path

from minipose.files import write_durably
from minipose.tensor import Tensor


@dataclass(frozen=True)
class Row:
    """One epoch: mean training loss, validation PCKh@0.5 and EPE (pixels), the last learning rate, images per
    second of training, seconds since the run began, and validation OKS-AP, None where it is not measured."""

    epoch: int
    step: int
    loss: float
    validation_pckh: float
    validation_epe: float
    learning_rate: float
    images_per_second: float
    seconds: float
    validation_ap: float | None = None

    @property
    def score(self) -> tuple[str, float]:
        """The name and the value of what shall grow."""
        return ("PCKh", self.validation_pckh) if self.validation_ap is None else ("OKS-AP", self.validation_ap)


VALIDATION = tuple(f.name for f in fields(Row) if f.name.startswith("validation_"))


def checked_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Return what a `validate` function has returned, if it is columns of a row.

    Raises
    ------
    ValueError
        If there are none, or others, or they are no numbers; NaN is one.
    """
    is_mapping = isinstance(scores, Mapping) and len(scores) > 0
    if not is_mapping or not set(scores) <= set(VALIDATION) or not all(isinstance(v, Real) for v in scores.values()):
        raise ValueError(
            f"Trainer: validate must return numbers by the names {', '.join(VALIDATION)}, first the one that shall "
            f"grow, not {scores!r}"
        )
    return {name: float(value) for name, value in scores.items()}


class Log:
    """Rows in memory, in a CSV file and in a JSONL file beside it, which are written anew with every row.

    Parameters
    ----------
    path : of the CSV file; the other has the suffix .jsonl
    rows : those of a run that is resumed, written at once. Default: none; the files appear with the first row.
    """

    def __init__(self, path: str | os.PathLike, rows: Sequence[Row] = ()) -> None:
        self.path = Path(path)
        self.rows = list(rows)
        if self.rows:
            self._write()

    def append(self, row: Row) -> None:
        """Add a row and write the files."""
        self.rows.append(row)
        self._write()

    def _write(self) -> None:
        names = [f.name for f in fields(Row) if f.name != "validation_ap" or self.rows[0].validation_ap is not None]
        rows = [{name: getattr(row, name) for name in names} for row in self.rows]
        lines = ({name: None if v != v else v for name, v in row.items()} for row in rows)  # JSON has no NaN
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_durably(self.path, text.getvalue().encode())
        write_durably(self.path.with_suffix(".jsonl"), "".join(json.dumps(line) + "\n" for line in lines).encode())


def read_log(path: str | os.PathLike) -> list[Row]:
    """Return the rows of a CSV log; none where there is no file.

    Raises
    ------
    ValueError
        If the file is not a training log.
    """
    if not Path(path).exists():
        return []
    with open(path, newline="") as file:
        try:
            return [
                Row(**{
                    f.name: int(row[f.name]) if f.type == "int" else float(row[f.name])
                    for f in fields(Row)
                    if f.name in row or f.name != "validation_ap"
                })  # fmt: skip
                for row in csv.DictReader(file)
            ]
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"read_log: {path} is not a training log: {error}") from None


@dataclass
class MeanLoss:
    """The mean loss of an epoch so far, and of its last 50 steps. On a GPU, a loss is only waited for by `settle`."""

    total: float = 0.0
    count: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=50))
    waiting: list[Tensor] = field(default_factory=list)

    def settle(self) -> None:
        """Add up the losses that wait, one after the other, so that the sum does not depend on when this is called."""
        for loss in self.waiting:
            value = loss.item()
            self.total += value
            self.count += 1
            self.recent.append(value)
        self.waiting.clear()

    @property
    def mean(self) -> float:
        """The mean of all losses."""
        return self.total / max(1, self.count)

    @property
    def recent_mean(self) -> float:
        """The mean of the last ones."""
        return sum(self.recent) / max(1, len(self.recent))
