"""Stick figures drawn on demand, and the way from their images to a network's input."""

from __future__ import annotations

from minipose.data.loader import prefetch, shuffled_batches, to_input
from minipose.data.stickmen import SETS, Batch, Sample, StickFigures

__all__ = ["SETS", "Batch", "Sample", "StickFigures", "prefetch", "shuffled_batches", "to_input"]
