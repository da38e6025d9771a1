"""What the cells of a study come to: means over seeds and their spread, ready for JSON; all is read from files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minipose import models
from minipose.nn import summary
from minipose.train.config import Config
from minipose.train.detectors import duplicated_rows
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
        codec: by test set and metric what `spread` returns; parameters, and multiply_adds of one image; seconds of
        training, as `spread`. A row without a finished run has only the first two. suspicious: sentences on scores
        that cannot be believed, such as the errors that `evaluate_sets` found, and two runs with the same scores.
    """
    rows: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    suspicious: list[str] = []
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
            rows[name] |= _row(list(finished.values())) | {"multiply_adds": _multiply_adds(of_row[0].config)}
        for seed, m in finished.items():
            scores[f"{name}, seed {seed}"] = m["sets"][TEST_SETS[-1]]
            suspicious += [f"{name}, seed {seed}: {f['message']}" for f in m["findings"] if f["is_error"]]
    twice = duplicated_rows(scores)
    return {"count": count, "rows": rows, "suspicious": suspicious + ([twice.message] if twice else [])}


def _row(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    scores = {
        part: {s: {m: spread([run[part][s][m] for run in runs]) for m in METRICS} for s in TEST_SETS}
        for part in ("sets", *REFERENCES)
    }
    return {**scores, "parameters": runs[0]["parameters"], "seconds": spread([run["seconds"] for run in runs])}


def _multiply_adds(config: Config) -> int:
    network = models.create(config.model, **config.architecture["options"])
    return summary(network, (1, 3, config.size, config.size)).multiply_adds
