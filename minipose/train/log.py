"""The training log: one CSV row an epoch, the file whole at any moment."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from minipose.files import atomic_path


@dataclass(frozen=True)
class Row:
    """One epoch: mean training loss, validation PCKh@0.5 and EPE (pixels), the last learning rate, images per
    second of training, and seconds since the run began."""

    epoch: int
    step: int
    loss: float
    validation_pckh: float
    validation_epe: float
    learning_rate: float
    images_per_second: float
    seconds: float


class Log:
    """Rows in memory and in a CSV file, which is written anew under a temporary name after every row.

    Parameters
    ----------
    path : the file
    last_step : int
        Rows after this step, left by a run that is now resumed from before them, are dropped; 0 begins anew.
    """

    def __init__(self, path: str | os.PathLike, last_step: int = 0) -> None:
        self.path = Path(path)
        self.rows = [row for row in read_log(self.path) if row.step <= last_step] if last_step else []

    def append(self, row: Row) -> None:
        """Add a row and write the file."""
        self.rows.append(row)
        with atomic_path(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in self.rows)


def read_log(path: str | os.PathLike) -> list[Row]:
    """Return the rows of a log; none where there is no file.

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
                Row(**{f.name: int(row[f.name]) if f.type == "int" else float(row[f.name]) for f in fields(Row)})
                for row in csv.DictReader(file)
            ]
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"read_log: {path} is not a training log: {error}") from None
