"""Integral pose: the keypoint is the mean of the distribution that softmax makes of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minipose.checks import check_number
from minipose.pose.codecs.checks import checked_keypoints, checked_outputs, joint_weights
from minipose.pose.codecs.grid import check_stride, image_to_map, map_to_image
from minipose.pose.codecs.map_codec import MapCodec
from minipose.pose.codecs.peaks import checked_maps


def decode_soft_argmax(maps: np.ndarray, stride: int, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean position of each map under softmax(beta * map) (Sun et al. 2018; Nibali et al. 2018).

    All cells take part, so everything that is not the peak pulls the answer towards the middle of the map, and the
    more so the smaller beta is. The differentiable form for training is `minipose.nn.SoftArgmax2d`.

    Parameters
    ----------
    maps : array (N, J, h, w)
        Unnormalised log-probabilities, indexed [row = y, column = x].
    stride : int
        Image pixels per cell.
    beta : float
        What the maps are multiplied with. Default 1; maps that are not logarithms, such as those of
        `encode_heatmaps`, need 10 and more.

    Returns
    -------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in image pixels, between the centres of the first and of the last cell.
    scores : array (N, J)
        The probability of the most probable cell, 0 to 1.

    Raises
    ------
    ValueError
        If `maps` is not (N, J, h, w), is empty, or holds NaN or infinity.
    """
    check_stride("decode_soft_argmax", stride)
    maps = checked_maps("decode_soft_argmax", maps)
    check_number("decode_soft_argmax", "beta", beta, 1e-6, 1e6)
    maps = maps.astype(np.float64)
    weights = np.exp(beta * (maps - maps.max(axis=(2, 3), keepdims=True)))
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    x = weights.sum(axis=2) @ np.arange(maps.shape[3])
    y = weights.sum(axis=3) @ np.arange(maps.shape[2])
    points = map_to_image(np.stack([x, y], axis=-1), stride)
    return points.astype(np.float32), weights.max(axis=(2, 3)).astype(np.float32)


@dataclass(frozen=True)
class IntegralCodec(MapCodec):
    """Keypoints as the means of distributions over the cells of a map; the targets are coordinates in cells (N, J, 2).

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images in pixels, multiples of the stride.
    stride : int
        Image pixels per cell of the map. Default 2.
    sigma : float
        Standard deviation in cells of the Gaussian that the distribution is drawn to in training. Default 1.
    beta : float
        What the outputs are multiplied with before the softmax. Default 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is none of these, or sigma is less than 0.5: such a Gaussian falls between the cells.
    """

    sigma: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("IntegralCodec", "sigma", self.sigma, 0.5, 1e6)
        check_number("IntegralCodec", "beta", self.beta, 1e-6, 1e6)

    def encode(self, points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets, coordinates (x, y) in cells, float32 (N, J, 2), and the weights float32 (N, J).

        Arguments, weights and errors as `HeatmapCodec.encode`.
        """
        points = checked_keypoints("IntegralCodec.encode", points)
        weights = joint_weights("IntegralCodec.encode", points, visible, self.image_size)
        return image_to_map(points, self.stride).astype(np.float32), weights

    def ideal_outputs(self, points: np.ndarray) -> np.ndarray:
        """Return what a network that makes no mistake would give for keypoints (N, J, 2): the logarithm of a Gaussian.

        Float32 (N, J, h, w). Its mean is the keypoint itself, but within two sigma of the border, where the map cuts
        the Gaussian off.
        """
        centres = image_to_map(checked_keypoints("IntegralCodec.ideal_outputs", points), self.stride)
        height, width = self.map_size
        rows = (np.arange(height) - centres[..., 1:]) ** 2
        columns = (np.arange(width) - centres[..., :1]) ** 2
        distance2 = rows[..., :, None] + columns[..., None, :]
        return (distance2 / (-2 * self.sigma**2 * self.beta)).astype(np.float32)

    def to_show(self, outputs: np.ndarray) -> np.ndarray:
        """Return the distributions (N, J, h, w), each over its highest value: 0 where the joint is not, to 1."""
        return np.exp(self.beta * (outputs - outputs.max(axis=(2, 3), keepdims=True)))

    def decode(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints float32 (N, J, 2) in image pixels, and the probability (N, J) of the best cell.

        Parameters
        ----------
        outputs : array (N, J, h, w)
            Unnormalised log-probabilities divided by beta, indexed [row = y, column = x].

        Raises
        ------
        ValueError
            If `outputs` has another shape, or holds NaN or infinity.
        """
        outputs = checked_outputs("IntegralCodec.decode", outputs, "N J h w", self.map_size)
        return decode_soft_argmax(outputs, self.stride, self.beta)
