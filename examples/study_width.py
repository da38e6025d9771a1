"""How many filters? The hourglass of 8 to 32 channels, which double at each step down.

    python examples/study_width.py --jobs 2 --publish docs/experiments/width
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

ROWS = {f"width-{width}": replace(BASE, width=width) for width in (8, 12, 16, 24, 32)}
COMPARED = [
    ("width-16", "width-8"),
    ("width-32", "width-16"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/width", study_pictures, COMPARED))
