"""Would a lower learning rate, or more epochs, have helped?

    python examples/study_learning_rate.py --jobs 2 --publish docs/experiments/learning_rate

All other rows of these studies have a learning rate of 0.008 and 6 epochs of 3,000 images.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minipose.train.studies import BASE, study_main
from minipose.viz import study_pictures

ROWS = {
    **{f"rate-{rate:g}": replace(BASE, learning_rate=rate) for rate in (0.0005, 0.002, 0.008, 0.032)},
    **{f"epochs-{epochs}": replace(BASE, epochs=epochs) for epochs in (3, 12)},
    "rate-0.002-epochs-12": replace(BASE, learning_rate=0.002, epochs=12),
}
COMPARED = [
    ("rate-0.008", "rate-0.002"),
    ("rate-0.008", "rate-0.0005"),
    ("rate-0.032", "rate-0.008"),
    ("epochs-12", "rate-0.008"),
    ("rate-0.002-epochs-12", "epochs-12"),
]


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/learning_rate", study_pictures, COMPARED))
