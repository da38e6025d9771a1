"""Poses as NumPy arrays: the skeleton, the heatmap codecs and the metrics. Knows nothing of networks."""

from __future__ import annotations

from minipose.pose import affine
from minipose.pose.codecs import decode_argmax, decode_dark, encode_heatmaps, image_to_map, map_to_image
from minipose.pose.metrics import epe, mean_pose, pckh, report_score
from minipose.pose.skeleton import STICK_FIGURE, Skeleton

__all__ = [
    "STICK_FIGURE",
    "Skeleton",
    "affine",
    "decode_argmax",
    "decode_dark",
    "encode_heatmaps",
    "epe",
    "image_to_map",
    "map_to_image",
    "mean_pose",
    "pckh",
    "report_score",
]
