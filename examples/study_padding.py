"""Does it matter what lies beyond the border of an image?

    python examples/study_padding.py --jobs 2 --publish docs/experiments/padding

The decoder is bilinear, because transposed convolutions have no other padding than zeros.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.studies import BASE, Study, difference, page, study_main
from minipose.viz import study_pictures

MODES = ("zeros", "reflect", "replicate")
ROWS = {mode: replace(BASE, options={"decoder": "bilinear", "padding_mode": mode}) for mode in MODES}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    return page(
        results,
        difference(results, "reflect", "zeros"),
        difference(results, "replicate", "zeros"),
    )


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/padding", report))
