"""Poses in pictures of any size, which a network takes at its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.checks import check_integer
from minipose.data.warp import warp_image
from minipose.nn import Module
from minipose.pose.affine import image_to_square, invert, transform_points
from minipose.train.predictions import default_codec, predict_outputs


def predict_pictures(
    model: Module, pictures: Sequence[np.ndarray], size: int, codec: Any = None, batch_size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Find one figure in each picture.

    A picture is scaled to the network's size as a whole, with black beside the shorter side, and the joints are taken
    back by the inverse of the same map.

    Parameters
    ----------
    model : Module
    pictures : sequence of N uint8 arrays (H, W, 3), each of any size
    size : int
        Side of the square images that the network was trained on, in pixels.
    codec : optional
        How its output is read. Default: heatmaps of the model's stride.
    batch_size : int
        Pictures at once.

    Returns
    -------
    points : float32 array (N, J, 2)
        Joints (x, y) in pixels of their picture.
    scores : float32 array (N, J)
        Height of each joint's peak: about 1 where the network is sure, near 0 where it has seen no such joint.
    """
    check_integer("predict_pictures", "size", size, 1)
    check_integer("predict_pictures", "batch_size", batch_size, 1)
    codec = codec or default_codec(model, (size, size))
    found, scores = [], []
    for start in range(0, len(pictures), batch_size):
        some = pictures[start : start + batch_size]
        matrices = [image_to_square(p.shape[:2], size) for p in some]
        images = np.stack([warp_image(p, m, (size, size)) for p, m in zip(some, matrices, strict=True)])
        points, heights = codec.decode(predict_outputs(model, images))
        found += [transform_points(invert(m), p) for m, p in zip(matrices, points, strict=True)]
        scores.append(heights)
    if not found:
        raise ValueError("predict_pictures: there is no picture")
    return np.stack(found), np.concatenate(scores)
