"""Stick figures drawn on demand, and the way from their images to a network's input."""

from __future__ import annotations

from minipose.data.loader import prefetch, shuffled_batches, to_input
from minipose.data.profiles import PROFILES
from minipose.data.samples import Batch, Dataset, Sample, collate
from minipose.data.stickmen import SETS, StickFigures

__all__ = [
    "PROFILES", "SETS", "Batch", "Dataset", "Sample", "StickFigures", "collate", "prefetch", "shuffled_batches",
    "to_input",
]  # fmt: skip
