"""How fine must heatmaps be? Those of a half, a quarter and an eighth of the image's side.

    python examples/study_resolution.py --jobs 2 --publish docs/experiments/resolution

The hourglass ends its way up earlier for the coarser ones. The Gaussians are as wide in pixels of the image everywhere,
which is two cells, one, and half a one; and then as wide in cells, one of each size.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

PIXELS = {2: (4, 2), 4: (4,), 8: (4, 8)}  # standard deviations in pixels of the image, by the stride of the maps
ROWS = {
    f"stride-{stride}-{sigma}px": replace(BASE, sigma=sigma / stride, options={"output_stride": stride})
    for stride, sigmas in PIXELS.items()
    for sigma in sigmas
}
COMPARED = [
    ("stride-2-4px", "stride-4-4px"),
    ("stride-2-2px", "stride-4-4px"),
    ("stride-2-2px", "stride-4-4px", "pckh10"),
    ("stride-8-8px", "stride-4-4px"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/resolution", study_pictures, COMPARED))
