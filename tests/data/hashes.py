"""SHA-256 of the published test sets: `python -m tests.data.hashes` draws them and writes `hashes.json` anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from minipose.data import SETS, Batch, StickFigures

FILE = Path(__file__).with_name("hashes.json")
PUBLISHED = tuple(name for name in SETS if name != "mixed")


def digest(batch: Batch) -> str:
    """SHA-256 of the images, and of all people's joints to a thousandth of a pixel with their flags."""
    total = hashlib.sha256(batch.images.tobytes())
    for points, visible in zip(batch.people, batch.people_visible, strict=True):
        total.update(np.round(points.astype(np.float64) * 1000).astype("<i8").tobytes() + visible.tobytes())
    return total.hexdigest()


def test_set(name: str) -> StickFigures:
    """Return a published test set: 500 samples of 64 x 64 pixels, seed 0."""
    return StickFigures(name, split="test", size=64, count=500, seed=0)


test_set.__test__ = False

if __name__ == "__main__":
    digests = {name: digest(test_set(name).batch(range(500))) for name in PUBLISHED}
    FILE.write_text(json.dumps(digests, indent=2) + "\n")
