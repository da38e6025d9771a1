"""What the cells of a study come to: means over seeds and their spread, ready for JSON; all is read from files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minipose.train.report import TEST_SETS
from minipose.train.studies.cells import METRICS, REFERENCES, Cell

FINISHED = "finished"
NOT_RUN = "not run"


def spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Return the mean and the standard deviation of a sample.

    Parameters
    ----------
    values : sequence of float
        One for each seed; None where it could not be measured.

    Returns
    -------
    dict
        mean: None without a value. spread: sqrt(sum((value - mean)**2) / (n - 1)), None for fewer than two values.
        values: as given.
    """
    known = [value for value in values if value is not None]
    mean = math.fsum(known) / len(known) if known else None
    squares = math.fsum((value - mean) ** 2 for value in known)
    deviation = math.sqrt(squares / (len(known) - 1)) if len(known) > 1 else None
    return {"mean": mean, "spread": deviation, "values": list(values)}


def collect(cells: Sequence[Cell], out: Path, count: int, failures: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the scores of a study, row by row, ready for JSON.

    Parameters
    ----------
    cells : sequence of Cell
    out : Path
    count : int
        Images of each test set.
    failures : mapping from keys of cells to reasons, optional
        As `run_cells` returns it.

    Returns
    -------
    dict
        count; rows: by name, each with config; runs, by seed "finished" or why not; sets, mean_pose, image_centre and
        codec: by test set and metric what `spread` returns; parameters; seconds of training, as `spread`; findings:
        messages of the errors that `evaluate_sets` found, by seed. A row without a finished run has only the first two.
    """
    rows: dict[str, Any] = {}
    for name in dict.fromkeys(cell.name for cell in cells):
        of_row = [cell for cell in cells if cell.name == name]
        metrics = {cell.config.seed: cell.metrics(out, count) for cell in of_row}
        runs = {
            cell.config.seed: FINISHED if metrics[cell.config.seed] else (failures or {}).get(cell.key, NOT_RUN)
            for cell in of_row
        }
        config = {key: value for key, value in asdict(of_row[0].config).items() if key != "seed"}
        rows[name] = {"config": config, "runs": {str(seed): state for seed, state in runs.items()}}
        finished = {seed: m for seed, m in metrics.items() if m}
        if finished:
            rows[name] |= _row(finished)
    return {"count": count, "rows": rows}


def _row(metrics: dict[int, dict[str, Any]]) -> dict[str, Any]:
    runs = list(metrics.values())
    scores = {
        part: {s: {m: spread([run[part][s][m] for run in runs]) for m in METRICS} for s in TEST_SETS}
        for part in ("sets", *REFERENCES)
    }
    errors = {str(seed): [f["message"] for f in run["findings"] if f["is_error"]] for seed, run in metrics.items()}
    return scores | {
        "parameters": runs[0]["parameters"],
        "seconds": spread([run["seconds"] for run in runs]),
        "findings": {seed: messages for seed, messages in errors.items() if messages},
    }
