"""Regression: a keypoint as two numbers (Toshev and Szegedy 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minipose.pose.codecs.checks import checked_keypoints, checked_outputs, joint_weights
from minipose.pose.codecs.grid import checked_size, image_to_unit, unit_to_image


@dataclass(frozen=True)
class RegressionCodec:
    """Keypoints as coordinates (x, y) from 0 to 1, (N, J, 2): 0 and 1 are the outer edges of the image.

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images in pixels.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """

    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", checked_size("RegressionCodec", "image_size", self.image_size))

    def output_shape(self, joints: int) -> tuple[int, int]:
        """Return (J, 2), the shape of a network's output for one image."""
        return joints, 2

    def encode(self, points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets float32 (N, J, 2) and the weights float32 (N, J).

        Arguments, weights and errors as `HeatmapCodec.encode`.
        """
        points = checked_keypoints("RegressionCodec.encode", points)
        weights = joint_weights("RegressionCodec.encode", points, visible, self.image_size)
        return self.ideal_outputs(points), weights

    def ideal_outputs(self, points: np.ndarray) -> np.ndarray:
        """Return what a network that makes no mistake would give for keypoints (N, J, 2): the targets."""
        points = checked_keypoints("RegressionCodec.ideal_outputs", points)
        return image_to_unit(points, self.image_size).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints float32 (N, J, 2) in image pixels, and scores (N, J) of 1: numbers have no confidence.

        Parameters
        ----------
        outputs : array (N, J, 2)
            Coordinates (x, y), from 0 to 1 in the image.

        Raises
        ------
        ValueError
            If `outputs` has another shape, or holds NaN or infinity.
        """
        outputs = checked_outputs("RegressionCodec.decode", outputs, "N J 2", (2,))
        points = unit_to_image(outputs, self.image_size).astype(np.float32)
        return points, np.ones(points.shape[:2], np.float32)
