"""One hourglass or two, and must the first be taught?

    python examples/study_stacks.py --jobs 2 --publish docs/experiments/stacks

"two-supervised" trains the maps of both; "two-last" those of the second alone. "one-wide" is a single hourglass of as
many parameters as two.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.studies import BASE, Study, difference, page, study_main
from minipose.viz import study_pictures

ROWS = {
    "one": BASE,
    "two-supervised": replace(BASE, options={"stacks": 2}),
    "two-last": replace(BASE, options={"stacks": 2, "supervision": "last"}),
    "one-wide": replace(BASE, width=23),
}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    return page(
        results,
        difference(results, "two-supervised", "one"),
        difference(results, "two-supervised", "two-last"),
        difference(results, "two-supervised", "one-wide"),
    )


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/stacks", report))
