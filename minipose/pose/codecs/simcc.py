"""SimCC: a keypoint as two classifications, one of its column and one of its row (Li et al. 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minipose.checks import check_choice, check_integer, check_memory, check_number
from minipose.pose.codecs.checks import checked_keypoints, checked_outputs, joint_weights
from minipose.pose.codecs.grid import bins_to_image, checked_size, image_to_bins

DECODERS = ("expectation", "argmax")


@dataclass(frozen=True)
class SimCCCodec:
    """Keypoints as distributions over the bins of x and over those of y, side by side in (N, J, split*(W+H)).

    A pixel is `split` bins wide, so even the most probable bin is right to half a bin, whatever the stride of the
    network. The true bin is softened by a Gaussian, for its neighbours are almost right.

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images in pixels.
    split : int
        Bins per pixel. Default 2.
    sigma : float
        Standard deviation of the Gaussian in bins. Default 6.
    decoder : {"expectation", "argmax"}
        The mean of the distribution around its peak, the default, or the peak.

    Raises
    ------
    ValueError, TypeError
        If an argument is none of these, or sigma is less than 0.5: such a Gaussian falls between the bins.
    """

    image_size: tuple[int, int]
    split: int = 2
    sigma: float = 6.0
    decoder: str = "expectation"

    def __post_init__(self) -> None:
        height, width = checked_size("SimCCCodec", "image_size", self.image_size)
        object.__setattr__(self, "image_size", (height, width))
        check_integer("SimCCCodec", "split", self.split, 1)
        check_memory("SimCCCodec", "output", (self.split * (height + width),))
        check_number("SimCCCodec", "sigma", self.sigma, 0.5, 1e6)
        check_choice("SimCCCodec", "decoder", self.decoder, DECODERS)

    @property
    def x_bins(self) -> int:
        """How many of the bins are those of x: the first ones."""
        return self.split * self.image_size[1]

    @property
    def y_bins(self) -> int:
        """How many of the bins are those of y: the last ones."""
        return self.split * self.image_size[0]

    def output_shape(self, joints: int) -> tuple[int, int]:
        """Return (J, split*(W+H)), the shape of a network's output for one image."""
        return joints, self.x_bins + self.y_bins

    def encode(self, points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets float32 (N, J, split*(W+H)), of which each part sums to 1, and the weights float32 (N, J).

        Arguments, weights and errors as `HeatmapCodec.encode`.
        """
        points = checked_keypoints("SimCCCodec.encode", points)
        weights = joint_weights("SimCCCodec.encode", points, visible, self.image_size)
        return np.concatenate([_softmax(part) for part in self._parts(self.ideal_outputs(points))], axis=-1), weights

    def ideal_outputs(self, points: np.ndarray) -> np.ndarray:
        """Return what a network that makes no mistake would give for keypoints (N, J, 2), float32 (N, J, split*(W+H)).

        The logarithms of the targets, but for a constant.
        """
        points = checked_keypoints("SimCCCodec.ideal_outputs", points)
        check_memory("SimCCCodec.ideal_outputs", "result", (len(points), *self.output_shape(points.shape[1])))
        centres = image_to_bins(points, self.split)
        x = np.arange(self.x_bins) - centres[..., :1]
        y = np.arange(self.y_bins) - centres[..., 1:]
        return (np.concatenate([x, y], axis=-1) ** 2 / (-2 * self.sigma**2)).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints float32 (N, J, 2) in image pixels and their scores (N, J).

        Parameters
        ----------
        outputs : array (N, J, split*(W+H))
            Unnormalised log-probabilities, those of x first.

        Returns
        -------
        points : float32 array (N, J, 2)
        scores : float32 array (N, J)
            The probability of the most probable bin, of x or of y, whichever is smaller.

        Raises
        ------
        ValueError
            If `outputs` has another shape, or holds NaN or infinity.
        """
        outputs = checked_outputs("SimCCCodec.decode", outputs, "N J split*(W+H)", self.output_shape(1)[1:])
        bins, scores = zip(*(self._decode_axis(_softmax(part)) for part in self._parts(outputs)), strict=True)
        points = bins_to_image(np.stack(bins, axis=-1), self.split)
        return points.astype(np.float32), np.minimum(*scores)

    def _parts(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return array[..., : self.x_bins], array[..., self.x_bins :]

    def _decode_axis(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the position (N, J) in bins and the probability of the peak.

        The mean is taken over as many bins to the left of the peak as to its right, at most three sigma: the border
        would otherwise cut the Gaussian off on one side and pull the mean inwards.
        """
        length = probabilities.shape[-1]
        peak, scores = probabilities.argmax(axis=-1), probabilities.max(axis=-1)
        if self.decoder == "argmax":
            return peak.astype(np.float64), scores
        radius = np.minimum(np.minimum(peak, length - 1 - peak), math.ceil(3 * self.sigma))
        distance = np.arange(length) - peak[..., None]
        near = np.where(np.abs(distance) <= radius[..., None], probabilities, 0).astype(np.float64)
        return peak + (near * distance).sum(axis=-1) / near.sum(axis=-1), scores


def _softmax(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
