"""The results of a study as a picture: the scores of its rows, with their spread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from minipose.viz.canvas import check_png, new_figure, save_png
from minipose.viz.curves import MOST_RUNS, comparison_curves

LABELS = {"pckh50": "PCKh@0.5", "pckh10": "PCKh@0.1", "auc": "AUC of PCKh", "epe_px": "EPE (px), lower is better",
          "report_score": "report_score, lower is better"}  # fmt: skip
PANEL = 250  # width of a test set's panel in screen pixels
ROW = 26  # height of a row
BLUE, GREY = "#0072B2", "#888888"
RUN = {"marker": "o", "linestyle": "", "markersize": 4, "markeredgewidth": 0}
MEAN = {"marker": "D", "linestyle": "", "markersize": 3.5}


def study_pictures(
    results: Mapping[str, Any], logs: Mapping[str, Sequence[str | os.PathLike]], folder: str | os.PathLike
) -> None:
    """Write pckh50.png and report_score.png, as `study_points`, and curves.png, as `comparison_curves`, into a folder.

    What there is nothing of yet is not drawn, nor are the curves of more than 10 rows.

    Parameters
    ----------
    results : mapping
        What a study's results.json holds.
    logs : mapping from the names of rows to the paths of their runs' log.csv
    folder : path

    Raises
    ------
    ValueError
        As `comparison_curves`.
    """
    folder = Path(folder)
    if any("sets" in row for row in results["rows"].values()):
        for metric in ("pckh50", "report_score"):
            study_points(results, metric, folder / f"{metric}.png")
    if 1 <= len(logs) <= MOST_RUNS:
        comparison_curves(logs, folder / "curves.png")


def study_points(results: Mapping[str, Any], metric: str, path: str | os.PathLike) -> None:
    """Draw one metric of all rows of a study, a panel for each test set.

    Each run is a dot, and below it their mean a diamond with a bar of one standard deviation to both sides. The mean
    pose of the row's training data is a grey line where it is not far away. A row without a finished run has no dot.

    Parameters
    ----------
    results : mapping
        What a study's results.json holds.
    metric : str
        "pckh50", "pckh10", "auc", "epe_px" or "report_score".
    path : path of the PNG file
        Written under a temporary name, then renamed.

    Raises
    ------
    ValueError
        If the metric is none of these, or no row has a finished run.
    """
    check_png(path, "study_points")
    if metric not in LABELS:
        raise ValueError(f"study_points: metric must be one of {', '.join(LABELS)}, not {metric!r}")
    rows = results["rows"]
    sets = next((list(row["sets"]) for row in rows.values() if "sets" in row), None)
    if sets is None:
        raise ValueError("study_points: no row has a finished run, so there is nothing to draw")
    label_width = 40 + 7 * max(map(len, rows))
    columns = 3 if len(sets) > 1 else 1  # of the legend
    height = ROW * len(rows) + 100 + 50 // columns
    figure = new_figure(label_width + PANEL * len(sets), height, layout="constrained")
    panels = figure.subplots(1, len(sets), sharey=True, sharex=True, squeeze=False)[0]
    for axes, name in zip(panels, sets, strict=True):
        for y, row in enumerate(rows.values()):
            if "sets" in row:
                _draw_row(axes, y, row["sets"][name][metric], row.get("mean_pose", {}).get(name, {}).get(metric))
        axes.set_title(name, fontsize=10)
        axes.tick_params(labelsize=9)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.7)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(rows)), list(rows), parse_math=False)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    limits = _limits(rows, metric)
    panels[0].set_xlim(*limits)
    figure.supxlabel(LABELS[metric], fontsize=10)
    handles = _legend(rows, metric, limits)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, fontsize=8, frameon=False)
    save_png(figure, path)


def _legend(rows: Mapping[str, Any], metric: str, limits: tuple[float, float]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=BLUE, alpha=0.5, label="a run", **RUN),
        Line2D([], [], color=BLUE, label="mean ± standard deviation", **MEAN),
    ]
    mean_poses = [one[metric]["mean"] for row in rows.values() for one in row.get("mean_pose", {}).values()]
    if any(mean is not None and limits[0] <= mean <= limits[1] for mean in mean_poses):
        handles.append(Line2D([], [], color=GREY, label="the mean pose, where it is near"))
    return handles


def _limits(rows: Mapping[str, Any], metric: str) -> tuple[float, float]:
    """Return where the axis begins and ends: around the runs, so that they can be told apart."""
    ends = []
    for scores in (one[metric] for row in rows.values() for one in row.get("sets", {}).values()):
        ends += [value for value in scores["values"] if value is not None]
        if scores["spread"] is not None:
            ends += [scores["mean"] - scores["spread"], scores["mean"] + scores["spread"]]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin


def _draw_row(axes: Axes, y: int, scores: Mapping[str, Any], mean_pose: Mapping[str, Any] | None) -> None:
    known = [value for value in scores["values"] if value is not None]
    if mean_pose is not None and mean_pose["mean"] is not None:
        axes.plot([mean_pose["mean"]] * 2, [y - 0.5, y + 0.5], color=GREY, linewidth=1.4)
    if not known:
        return
    axes.plot(known, [y - 0.15] * len(known), color=BLUE, alpha=0.5, **RUN)
    axes.errorbar(scores["mean"], y + 0.15, xerr=scores["spread"], color=BLUE, capsize=3, **MEAN)
