"""How fine must heatmaps be? Those of a half, a quarter and an eighth of the image's side.

    python examples/study_resolution.py --jobs 2 --publish docs/experiments/resolution

The hourglass ends its way up earlier for the coarser ones. Gaussians are as wide in pixels of the image everywhere.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

SIGMA = 4.0  # pixels
ROWS = {
    f"stride-{stride}": replace(BASE, sigma=SIGMA / stride, options={"output_stride": stride}) for stride in (2, 4, 8)
}
COMPARED = [
    ("stride-2", "stride-4"),
    ("stride-2", "stride-8"),
    ("stride-2", "stride-4", "pckh10"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/resolution", study_pictures, COMPARED))
