"""Does dropout help? Where every image is new, and where 600 are seen again and again.

    python examples/study_dropout.py --jobs 2 --publish docs/experiments/dropout

Channels of the features before the head are hidden from it, each with this probability.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.studies import BASE, Study, difference, page, study_main
from minipose.viz import study_pictures

DROPOUTS = (0.0, 0.1, 0.3)
ROWS = {
    f"{name}-{dropout:g}": replace(BASE, images=images, options={"dropout": dropout})
    for name, images in (("new", None), ("600", 600))
    for dropout in DROPOUTS
}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    return page(
        results,
        difference(results, "new-0", "new-0.3"),
        difference(results, "600-0", "600-0.1"),
        difference(results, "600-0", "600-0.3"),
    )


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/dropout", report))
