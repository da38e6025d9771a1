"""How many filters? The hourglass of 8 to 32 channels, which double at each step down.

    python examples/study_width.py --jobs 2 --publish docs/experiments/width
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.studies import BASE, Study, difference, page, study_main
from minipose.viz import study_pictures

ROWS = {f"width-{width}": replace(BASE, width=width) for width in (8, 12, 16, 24, 32)}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    return page(
        results,
        difference(results, "width-16", "width-8"),
        difference(results, "width-32", "width-16"),
    )


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/width", report))
