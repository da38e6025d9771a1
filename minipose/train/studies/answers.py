"""What a study says, in sentences whose numbers come from its results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from minipose.train.studies.markdown import number, score_tables
from minipose.train.tables import COLUMNS

HARDEST = "platform"  # the set in whose words studies are told, as long as nothing else is asked for


def difference(
    results: Mapping[str, Any], first: str, second: str, metric: str = "pckh50", test_set: str = HARDEST
) -> str:
    """Return the scores of two rows and their difference, with its standard error over the seeds.

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
        Such as "hourglass 0.905 ± 0.004, without skips 0.871 ± 0.006: a difference of 0.034 (standard error 0.004)".
        That a row has no finished run, where it has none.
    """
    scores = []
    for name in (first, second):
        row = results["rows"][name]
        if "sets" not in row or row["sets"][test_set][metric]["mean"] is None:
            return f"{first} and {second} cannot be compared: there is no finished run of {name}"
        scores.append(row["sets"][test_set][metric])
    decimals = COLUMNS[metric][1]
    a, b = scores
    text = f"{first} {number(a, decimals)}, {second} {number(b, decimals)}: a difference of "
    text += f"{a['mean'] - b['mean']:+.{decimals}f}"
    if a["spread"] is None or b["spread"] is None:
        return text + " (one seed, so chance is not known)"
    error = math.sqrt(sum(s["spread"] ** 2 / len(s["values"]) for s in scores))
    return text + f" (standard error {error:.{decimals}f})"


def page(results: Mapping[str, Any], *answers: str, picture: str = "pckh50.png") -> str:
    """Return a study's table.md: its answers, its picture, and the tables that they come from."""
    lines = "".join(f"- {answer}\n" for answer in answers)
    return f"{lines}\n![PCKh@0.5 of every row, its runs and their mean]({picture})\n\n{score_tables(results)}"
