"""Does it matter what lies beyond the border of an image?

    python examples/study_padding.py --jobs 2 --publish docs/experiments/padding

The decoder is bilinear, because transposed convolutions have no other padding than zeros.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

MODES = ("zeros", "reflect", "replicate")
ROWS = {mode: replace(BASE, options={"decoder": "bilinear", "padding_mode": mode}) for mode in MODES}
COMPARED = [
    ("reflect", "zeros"),
    ("replicate", "zeros"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/padding", study_pictures, COMPARED))
