"""What a study says, in sentences whose numbers come from its results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from minipose.train.studies.markdown import BETTER, number, score_tables
from minipose.train.tables import COLUMNS

HARDEST = "platform"  # the test set of whose scores studies speak, unless another is asked for


def difference(
    results: Mapping[str, Any], first: str, second: str, metric: str = "pckh50", test_set: str = HARDEST
) -> str:
    """Return the scores of two rows and their difference as a sentence, with the standard error that `compare` tells.

    Parameters
    ----------
    results : mapping
        As `collect` returns them.
    first, second : str
        Names of rows.
    metric, test_set : str
        Default: PCKh@0.5 on platform.

    Returns
    -------
    str
        Such as "PCKh@0.5 on platform: hourglass 0.905 ± 0.004, without skips 0.871 ± 0.006: a difference of +0.034
        (standard error 0.004)". That a row has no finished run, where it has none.
    """
    try:
        gain, error = compare(results, first, second, metric, test_set)
    except ValueError as reason:
        return str(reason)
    a, b = (results["rows"][name]["sets"][test_set][metric] for name in (first, second))
    title, decimals = COLUMNS[metric]
    better = f" ({BETTER[metric]})" if metric in BETTER else ""
    text = f"{title} on {test_set}{better}: {first} {number(a, decimals)}, {second} {number(b, decimals)}"
    text += f": a difference of {gain:+.{decimals}f}"
    if error is None:
        return text + " (one seed, so chance is not known)"
    return text + f" (standard error {error:.{decimals}f})"


def compare(
    results: Mapping[str, Any], first: str, second: str, metric: str = "pckh50", test_set: str = HARDEST
) -> tuple[float, float | None]:
    """Return the mean of the first row less that of the second, and the standard error of this difference.

    The standard error is that of independent runs, sqrt(spread_1**2 / n_1 + spread_2**2 / n_2); None for one seed.
    The parameters are those of `difference`.

    Raises
    ------
    ValueError
        If one of the rows has no finished run.
    """
    for name in (first, second):
        row = results["rows"][name]
        if "sets" not in row or row["sets"][test_set][metric]["mean"] is None:
            raise ValueError(f"{first} and {second} cannot be compared: there is no finished run of {name}")
    scores = [results["rows"][name]["sets"][test_set][metric] for name in (first, second)]
    gain = scores[0]["mean"] - scores[1]["mean"]
    if any(score["spread"] is None for score in scores):
        return gain, None
    variances = [s["spread"] ** 2 / sum(value is not None for value in s["values"]) for s in scores]
    return gain, math.sqrt(sum(variances))


def page(description: str, results: Mapping[str, Any], compared: Sequence[Sequence[str]] = (), more: str = "") -> str:
    """Return a study's table.md: its question, its answers, the tables that they come from, and what else it says.

    Parameters
    ----------
    description : str
        The docstring of its script. The title is the question in the first line, or all of that line without one.
    results : mapping
        As `collect` returns them.
    compared : sequence of texts
        The arguments of `difference`, for a sentence each.
    more : str
        Markdown.
    """
    answers = "".join(f"- {difference(results, *rows)}\n" for rows in compared)
    drawn = any("sets" in row for row in results["rows"].values())
    picture = "![PCKh@0.5 of every row, its runs and their mean](pckh50.png)\n" if drawn else ""
    numbers = "The numbers of every run: [results.json](results.json).\n"
    tables = score_tables(results).rstrip() + "\n"
    return "\n".join(filter(None, [_head(description), answers, picture, tables, more, numbers]))


def _head(description: str) -> str:
    first, _, body = description.strip().partition("\n")
    question, mark, rest = first.partition("?")
    title = question + mark if mark else first.removesuffix(".")
    return "\n\n".join(filter(None, [f"# {title}", rest.strip(), body.strip("\n")])) + "\n"
