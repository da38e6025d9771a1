"""Does dropout help? Where every image is new, and where 600 are seen again and again.

    python examples/study_dropout.py --jobs 2 --publish docs/experiments/dropout

Channels of the features before the head are hidden from it, each with this probability.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

DROPOUTS = (0.0, 0.1, 0.3)
ROWS = {
    f"{name}-{dropout:g}": replace(BASE, images=images, options={"dropout": dropout})
    for name, images in (("new", None), ("600", 600))
    for dropout in DROPOUTS
}
COMPARED = [
    ("new-0", "new-0.3"),
    ("600-0", "600-0.1"),
    ("600-0", "600-0.3"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/dropout", study_pictures, COMPARED))
