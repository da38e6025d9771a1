"""The curves of a training run, drawn from its log."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minipose.viz.canvas import check_png, new_figure, save_png

PCKH, AP = "validation_pckh", "validation_ap"
SCORES = {PCKH: "validation PCKh@0.5", AP: "validation OKS-AP"}  # a log that has the second is drawn with it alone
# The columns that are drawn, and what can be drawn of them.
COLUMNS = {
    "step": "a number above that of the row before",
    "loss": "a positive number",
    PCKH: "a fraction from 0 to 1",
    AP: "a fraction from 0 to 1",
    "learning_rate": "a number of at least 0",
}
MOST_MARKERS = 40  # more of them would hide the line
MOST_RUNS = 10


def training_curves(log_path: str | os.PathLike, path: str | os.PathLike) -> None:
    """Draw the loss (logarithmic), the validation score and the learning rate over the training steps.

    Parameters
    ----------
    log_path : path of a log.csv
        Of its columns, `step`, `loss`, `learning_rate` and the score are read: `validation_ap`, the average precision
        of people, if there is such a column, else `validation_pckh`, both fractions.
    path : path of the PNG file
        Written under a temporary name, then renamed.

    Raises
    ------
    ValueError
        If the log cannot be read, lacks one of these columns, has no row, or holds a value that cannot be
        drawn truly: a step not above the one before, a loss that is not positive, a score outside 0 to 1, or
        a number that is not finite.
    """
    check_png(path, "training_curves")
    save_png(_draw(_read(log_path, "training_curves")), path)


def comparison_curves(
    logs: Mapping[str, str | os.PathLike | Sequence[str | os.PathLike]], path: str | os.PathLike
) -> None:
    """Draw the loss (logarithmic) and the validation score of several runs over their training steps.

    The axis of the score spans the runs, so that they can be told apart.

    Parameters
    ----------
    logs : mapping from the names of runs to the paths of their log.csv
        At most 10 names, since more colours cannot be told apart. Runs that differ in their seed alone may share a
        name, and so a colour: then it leads to a sequence of paths. Read as in `training_curves`.
    path : path of the PNG file
        Written under a temporary name, then renamed.

    Raises
    ------
    ValueError
        If there is no name or more than 10, one has no log, a log cannot be read or drawn truly, or they have different
        scores.
    """
    check_png(path, "comparison_curves")
    if not 1 <= len(logs) <= MOST_RUNS:
        raise ValueError(f"comparison_curves: logs must be of 1 to {MOST_RUNS} runs, got {len(logs)}")
    figure = new_figure(900, 900, layout="constrained")
    loss_axes, score_axes = figure.subplots(2, 1, sharex=True)
    read = {
        name: [_read(p, "comparison_curves") for p in ([paths] if isinstance(paths, (str, os.PathLike)) else paths)]
        for name, paths in logs.items()
    }
    for name, of_name in read.items():
        if not of_name:
            raise ValueError(f"comparison_curves: logs must have a path for each name, but {name!r} has none")
    scores = {_score(log) for of_name in read.values() for log in of_name}
    if len(scores) > 1:
        raise ValueError(f"comparison_curves: logs must have the same score, not {' and '.join(sorted(scores))}")
    score = scores.pop()
    for i, (name, of_name) in enumerate(read.items()):
        for j, log in enumerate(of_name):
            style = {"color": f"C{i}", "marker": _marker(log), "markersize": 4, "linewidth": 1.4}
            loss_axes.plot(log["step"], log["loss"], label=None if j else name.replace("$", r"\$"), **style)
            score_axes.plot(log["step"], log[score], **style)
    _label(loss_axes, "training loss")
    _label(score_axes, SCORES[score])
    loss_axes.set_yscale("log")
    score_axes.set_ymargin(0.03)
    _label_steps(score_axes)
    figure.legend(loc="outside upper center", ncols=3, fontsize=9, frameon=False)
    save_png(figure, path)


def _draw(log: dict[str, list[float]]) -> Figure:
    figure = new_figure(900, 900, layout="constrained")
    score = _score(log)
    best = max(log[score])
    best_step = log["step"][log[score].index(best)]
    panels = (
        ("loss", "training loss", f"last {log['loss'][-1]:.3g}", "#0072B2"),
        (score, SCORES[score], f"best {best:.3f} at step {best_step:.0f}", "#D55E00"),
        ("learning_rate", "learning rate", f"last {log['learning_rate'][-1]:.3g}", "#444444"),
    )
    all_axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    for axes, (column, label, remark, colour) in zip(all_axes, panels, strict=True):
        axes.plot(log["step"], log[column], color=colour, marker=_marker(log), markersize=4, linewidth=1.4)
        axes.set_title(remark, fontsize=9, loc="right")
        _label(axes, label)
    all_axes[0].set_yscale("log")
    all_axes[1].set_ylim(-0.02, 1.02)
    largest_rate = max(log["learning_rate"]) or 1
    all_axes[2].set_ylim(-0.05 * largest_rate, 1.08 * largest_rate)
    _label_steps(all_axes[2])
    return figure


def _score(log: dict[str, list[float]]) -> str:
    return AP if AP in log else PCKH


def _marker(log: dict[str, list[float]]) -> str:
    return "o" if len(log["step"]) <= MOST_MARKERS else ""


def _label(axes: Axes, label: str) -> None:
    axes.set_ylabel(label, fontsize=10)
    axes.tick_params(labelsize=9, which="both")
    axes.grid(which="both", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)


def _label_steps(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("training step", fontsize=10)


def _read(path: str | os.PathLike, caller: str) -> dict[str, list[float]]:
    """Return the columns that are drawn, checked."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            names = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{caller}: cannot read the log {os.fspath(path)!r}: {error}") from None
    columns = [name for name in COLUMNS if name != (PCKH if AP in names else AP)]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"{caller}: the log {os.fspath(path)!r} has no column {', '.join(missing)}")
    if not rows:
        raise ValueError(f"{caller}: the log {os.fspath(path)!r} has no row yet, so there is nothing to draw")
    log: dict[str, list[float]] = {name: [] for name in columns}
    for number, row in enumerate(rows, start=1):
        for name in columns:
            last_step = log["step"][-1] if name == "step" and log["step"] else -math.inf
            value = _number(row[name])
            if not _is_drawable(name, value) or value <= last_step:
                raise ValueError(
                    f"{caller}: row {number} of the log {os.fspath(path)!r} has {name} {row[name]!r}, "
                    f"which should be {COLUMNS[name]}"
                )
            log[name].append(value)
    return log


def _number(text: str | None) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _is_drawable(name: str, value: float) -> bool:
    if not math.isfinite(value):
        return False
    if name in SCORES:
        return 0 <= value <= 1
    return value > 0 if name == "loss" else value >= 0
