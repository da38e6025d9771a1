"""How wide should a target be? Standard deviations of the Gaussians from 0.5 to 4 cells of the heatmap.

    python examples/study_sigma.py --jobs 2 --publish docs/experiments/sigma

The report's was a third of a cell of its maps.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train.studies import BASE, Study, difference, page, study_main
from minipose.viz import study_pictures

ROWS = {f"sigma-{sigma}": replace(BASE, sigma=sigma) for sigma in (0.5, 1.0, 1.5, 2.5, 4.0)}


def report(study: Study, results: dict[str, Any]) -> str:
    study_pictures(results, study.logs(), study.out)
    return page(
        results,
        difference(results, "sigma-1.5", "sigma-0.5"),
        difference(results, "sigma-1.5", "sigma-4.0"),
        difference(results, "sigma-1.5", "sigma-0.5", "pckh10"),
    )


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/sigma", report))
