"""How can a network know right from left? What the figure shows of it, where three in ten face away.

    python examples/study_cue.py --jobs 2 --publish docs/experiments/cue

With "none" nothing tells: the network can only guess which way a figure faces. "front" is the setting of all other
studies, in which every figure faces the viewer. Each row is tested with its own cue. The last table counts a joint as
found that is where its mirror image should be; the gap between it and the first is the share of joints that are lost by
taking left for right alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.report import TEST_SETS
from minipose.train.studies import BASE, Study, markdown_table, number, study_main
from minipose.viz import study_pictures

BACK = 0.3
ROWS = {"front": BASE, **{cue: replace(BASE, cue=cue, back_p=BACK) for cue in ("color", "shade", "face", "none")}}
COMPARED = [(cue, "none") for cue in ("color", "shade", "face")]


def report(study: Study, results: dict[str, Any]) -> str:
    agnostic = [
        [name, *(number(row["sets"][s]["pckh50_agnostic"]) for s in TEST_SETS)]
        for name, row in results["rows"].items()
        if "sets" in row
    ]
    table = markdown_table(["PCKh@0.5, either side", *TEST_SETS], agnostic)
    return f"## Right or left\n\n{table}"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/cue", study_pictures, COMPARED, report))
