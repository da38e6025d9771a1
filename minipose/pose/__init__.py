"""Poses as NumPy arrays: the skeleton, the codecs and the metrics. Knows nothing of networks."""

from __future__ import annotations

from minipose.pose import affine
from minipose.pose.coco import COCO_NAMES, coco_to_stick_figure, stick_figure_to_coco
from minipose.pose.codecs import (
    AffinityCodec,
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
    "AffinityCodec", "COCO_NAMES", "COCO_SIGMAS", "HeatmapCodec", "IntegralCodec", "MPII_SIGMAS", "RegressionCodec",
    "STICK_FIGURE", "SimCCCodec", "Skeleton", "affine", "auc", "average_precision", "coco_to_stick_figure",
    "decode_argmax", "decode_dark", "decode_quarter", "decode_soft_argmax", "encode_heatmaps", "epe",
    "image_to_map", "map_to_image", "mean_pose", "nme", "oks", "pck", "pckh", "report_score",
    "stick_figure_to_coco", "summarise", "unit_lengths",
]  # fmt: skip
