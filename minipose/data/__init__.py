"""Stick figures drawn on demand, and the way from their images to a network's input."""

from __future__ import annotations

from minipose.data.augment import Augment
from minipose.data.coco import CocoKeypoints, write_coco, write_coco_results
from minipose.data.loader import prefetch, shuffled_batches, to_input
from minipose.data.samples import Batch, Dataset, Sample, collate
from minipose.data.stickmen import SETS, StickFigures
from minipose.data.warp import warp_image

__all__ = [
    "SETS", "Augment", "Batch", "CocoKeypoints", "Dataset", "Sample", "StickFigures", "collate", "prefetch",
    "shuffled_batches", "to_input", "warp_image", "write_coco", "write_coco_results",
]  # fmt: skip
