"""One hourglass or two, and must the first be taught?

    python examples/study_stacks.py --jobs 2 --publish docs/experiments/stacks

"two-supervised" trains the maps of both; "two-last" those of the second alone. "one-wide" is a single hourglass of as
many parameters as two, but for a few per cent more.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

ROWS = {
    "one": BASE,
    "two-supervised": replace(BASE, options={"stacks": 2}),
    "two-last": replace(BASE, options={"stacks": 2, "supervision": "last"}),
    "one-wide": replace(BASE, width=23),
}
COMPARED = [
    ("two-supervised", "one"),
    ("two-supervised", "two-last"),
    ("two-supervised", "one-wide"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/stacks", study_pictures, COMPARED))
