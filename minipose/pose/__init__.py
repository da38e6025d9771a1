"""Poses as NumPy arrays: the skeleton, the codecs and the metrics. Knows nothing of networks."""

from __future__ import annotations

from minipose.pose.codecs import (
    HeatmapCodec,
    IntegralCodec,
    RegressionCodec,
    SimCCCodec,
    decode_argmax,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    encode_heatmaps,
    image_to_map,
    map_to_image,
)
from minipose.pose.metrics import epe, mean_pose, pckh, report_score
from minipose.pose.skeleton import STICK_FIGURE, Skeleton

__all__ = [
    "HeatmapCodec",
    "IntegralCodec",
    "RegressionCodec",
    "STICK_FIGURE",
    "SimCCCodec",
    "Skeleton",
    "decode_argmax",
    "decode_dark",
    "decode_quarter",
    "decode_soft_argmax",
    "encode_heatmaps",
    "epe",
    "image_to_map",
    "map_to_image",
    "mean_pose",
    "pckh",
    "report_score",
]
