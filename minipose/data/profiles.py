"""Sizes of data sets that go together: of the image, of the heatmaps, and of the splits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Sizes that go together.

    Attributes
    ----------
    image_size, map_size : int
        Sides of the image and of the heatmaps, in pixels.
    train, val, test : int
        Samples of each set.
    """

    image_size: int
    map_size: int
    train: int
    val: int
    test: int

    def count(self, split: str) -> int:
        """Return the number of samples of the split "train", "val" or "test"."""
        return getattr(self, split)


PROFILES = {
    "smoke": Profile(image_size=48, map_size=24, train=512, val=128, test=64),
    "toy": Profile(image_size=64, map_size=32, train=8000, val=1000, test=500),
    "base": Profile(image_size=128, map_size=32, train=20000, val=2000, test=1000),
    "report": Profile(image_size=224, map_size=56, train=20000, val=2000, test=879),
}
"""A quick check; a training run on a CPU; a larger one; and the sizes of the report's own data sets."""
