"""Poses as NumPy arrays: the skeleton, the heatmap codecs and the metrics. Knows nothing of networks."""

from __future__ import annotations

from minipose.pose.codecs import decode_argmax, decode_dark, encode_heatmaps, image_to_map, map_to_image
from minipose.pose.metrics import (
    COCO_SIGMAS,
    MPII_SIGMAS,
    auc,
    average_precision,
    epe,
    mean_pose,
    nme,
    oks,
    pck,
    pckh,
    report_score,
    summarise,
    unit_lengths,
)
from minipose.pose.skeleton import STICK_FIGURE, Skeleton

__all__ = [
    "COCO_SIGMAS", "MPII_SIGMAS", "STICK_FIGURE", "Skeleton", "auc", "average_precision", "decode_argmax",
    "decode_dark", "encode_heatmaps", "epe", "image_to_map", "map_to_image", "mean_pose", "nme", "oks", "pck", "pckh",
    "report_score", "summarise", "unit_lengths",
]  # fmt: skip
