"""Heatmaps, or numbers? Two networks with every head.

    python examples/study_heads.py --jobs 2 --publish docs/experiments/heads

"points" and "mean" are both scalar: coordinates from the positions of feature points, or from the mean of each
channel. "integral" is a heatmap read as a distribution, trained by the distance of its mean.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

RESNET = replace(BASE, model="resnet", width=None)
ROWS = {
    "hourglass-heatmap": BASE,
    "hourglass-integral": replace(BASE, head="integral"),
    "hourglass-points": replace(BASE, head="scalar"),
    "resnet-heatmap": RESNET,
    "resnet-integral": replace(RESNET, head="integral"),
    "resnet-points": replace(RESNET, head="scalar"),
    "resnet-mean": replace(RESNET, head="scalar", options={"pooling": "mean"}),
}
COMPARED = [
    ("hourglass-heatmap", "hourglass-points"),
    ("resnet-heatmap", "resnet-points"),
    ("resnet-points", "resnet-mean"),
    ("hourglass-heatmap", "hourglass-integral"),
    ("resnet-heatmap", "resnet-integral"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/heads", study_pictures, COMPARED))
