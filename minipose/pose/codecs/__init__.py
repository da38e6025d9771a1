"""Codecs: keypoints as what a network can give, and back. NumPy in, NumPy out.

Each has `encode` to targets and weights, `decode` to keypoints and scores, `output_shape` for the network's head, and
`ideal_outputs`, what a network that makes no mistake would give. `AffinityCodec` is for all people of an image, the
others for one. The losses are in `minipose.train.losses`.
"""

from minipose.pose.codecs.affinity import AffinityCodec
from minipose.pose.codecs.dark import decode_dark
from minipose.pose.codecs.grid import image_to_map, map_to_image
from minipose.pose.codecs.heatmap import HeatmapCodec, decode_argmax, decode_quarter, encode_heatmaps
from minipose.pose.codecs.integral import IntegralCodec, decode_soft_argmax
from minipose.pose.codecs.regression import RegressionCodec
from minipose.pose.codecs.simcc import SimCCCodec

__all__ = [
    "AffinityCodec", "HeatmapCodec", "IntegralCodec", "RegressionCodec", "SimCCCodec", "decode_argmax", "decode_dark",
    "decode_quarter", "decode_soft_argmax", "encode_heatmaps", "image_to_map", "map_to_image",
]  # fmt: skip
