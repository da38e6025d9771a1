"""How wide should a target be? Standard deviations of the Gaussians from 0.5 to 4 cells of the heatmap.

    python examples/study_sigma.py --jobs 2 --publish docs/experiments/sigma

The maps have 32 x 32 cells. The report's was 0.7 cells of maps of 196 x 196: for their size a quarter of the narrowest
here.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

ROWS = {f"sigma-{sigma}": replace(BASE, sigma=sigma) for sigma in (0.5, 1.0, 1.5, 2.5, 4.0)}
COMPARED = [
    ("sigma-1.5", "sigma-0.5"),
    ("sigma-1.5", "sigma-4.0"),
    ("sigma-1.5", "sigma-1.0"),
    ("sigma-1.5", "sigma-1.0", "pckh10"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/sigma", study_pictures, COMPARED))
