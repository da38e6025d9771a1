"""How can a network know right from left? What the figure shows of it, where three in ten face away.

    python examples/study_cue.py --jobs 2 --publish docs/experiments/cue

With "none" nothing tells: the network can only guess which way a figure faces. "front" is the setting of all other
studies, in which every figure faces the viewer. The second table counts a joint as found that is where its mirror
image should be; the gap between the two is the share of errors that are of right and left alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.report import TEST_SETS
from minipose.train.studies import BASE, Study, difference, markdown_table, number, page, study_main
from minipose.viz import study_pictures

BACK = 0.3
ROWS = {"front": BASE, **{cue: replace(BASE, cue=cue, back_p=BACK) for cue in ("color", "shade", "face", "none")}}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    agnostic = [
        [name, *(number(row["sets"][s]["pckh50_agnostic"]) for s in TEST_SETS)]
        for name, row in results["rows"].items()
        if "sets" in row
    ]
    table = markdown_table(["PCKh@0.5, either side", *TEST_SETS], agnostic)
    answers = [difference(results, cue, "none") for cue in ("color", "shade", "face")]
    return f"{page(results, *answers)}\n### Right or left\n\n{table}"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/cue", report))
