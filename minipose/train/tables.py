"""Scores as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minipose.train.findings import in_sets

COLUMNS = {  # metric: heading, decimals
    "pckh50": ("PCKh@0.5", 3),
    "pckh10": ("PCKh@0.1", 3),
    "auc": ("AUC", 3),
    "epe_px": ("EPE (px)", 2),
    "report_score": ("report_score", 3),
}
REFERENCES = {"mean_pose": "mean pose", "image_centre": "image centre", "codec": "truth through codec"}
Rows = Mapping[str, Mapping[str, Any]]


def table(results: Rows, mean_pose: Rows | None = None, **references: Rows) -> str:
    """Return the scores set by set as text, and under a line what they must be compared with.

    Parameters
    ----------
    results : dict of dicts
        Scores by the names of the sets, as `evaluate` returns them. A metric that is None, or not there, is a dash.
    mean_pose, image_centre, codec : dicts of dicts, optional
        The reference lines, as `evaluate_sets` returns them.
    """
    rows = list(results.items())
    lines = {"mean_pose": mean_pose or {}, **references}
    below = [
        (f"{REFERENCES.get(line, line)}, {name}", values)
        for line, sets in lines.items()
        for name, values in sets.items()
    ]
    width = max([10, *(len(name) + 2 for name, _ in [*rows, *below])])
    text = [f"{'test set':<{width}}" + "".join(f"{heading:>14}" for heading, _ in COLUMNS.values())]
    text += [_row(name, width, values) for name, values in rows]
    if below:
        text += ["-" * len(text[0]), *(_row(name, width, values) for name, values in below)]
    return "\n".join(text)


def joint_table(results: Rows, metric: str = "pckh50") -> str:
    """Return one metric joint by joint as text, a column for each set.

    Parameters
    ----------
    results : dict of dicts
        As for `table`.
    metric : {"pckh50", "pckh10", "pck_bbox05", "epe_px"}
    """
    columns = {name: row["per_joint"][metric] for name, row in results.items()}
    joints = next(iter(columns.values()))
    width = max(len(joint) for joint in joints) + 2
    text = [f"{metric:<{width}}" + "".join(f"{name:>{max(10, len(name) + 2)}}" for name in columns)]
    for joint in joints:
        cells = (f"{_number(c[joint], 3):>{max(10, len(name) + 2)}}" for name, c in columns.items())
        text.append(f"{joint:<{width}}" + "".join(cells))
    return "\n".join(text)


def finding_lines(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the findings of `evaluate_sets` as lines of text, "error in circles, shapes: ..." or "warning: ..."."""
    return [
        f"{'error' if one['is_error'] else 'warning'}{in_sets(one.get('sets', ()))}: {one['message']}; "
        f"look at {one['where']}"
        for one in findings
    ]


def _row(name: str, width: int, values: Mapping[str, Any]) -> str:
    return f"{name:<{width}}" + "".join(f"{_number(values.get(m), n):>14}" for m, (_, n) in COLUMNS.items())


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
