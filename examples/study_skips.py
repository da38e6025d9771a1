"""Do skips help? The hourglass with and without them, halving the image three times and four times.

    python examples/study_skips.py --jobs 2 --publish docs/experiments/skips

The report tried them and left them out.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

ROWS = {
    f"depth-{depth}-{name}": replace(BASE, options={"depth": depth, "skip": skip})
    for depth in (3, 4)
    for name, skip in (("skips", True), ("none", False))
}
COMPARED = [
    ("depth-3-skips", "depth-3-none"),
    ("depth-4-skips", "depth-4-none"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/skips", study_pictures, COMPARED))
