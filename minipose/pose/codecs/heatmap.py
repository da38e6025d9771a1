"""Heatmaps: a Gaussian for each joint, and the ways back from its peak to a keypoint."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from minipose.checks import check_choice, check_flag, check_memory, check_number
from minipose.pose.codecs.checks import check_sigma, checked_keypoints, checked_outputs, joint_weights
from minipose.pose.codecs.dark import decode_dark
from minipose.pose.codecs.grid import check_stride, checked_size, image_to_map, map_to_image
from minipose.pose.codecs.map_codec import MapCodec
from minipose.pose.codecs.peaks import checked_maps, gaussian, highest_cells


def encode_heatmaps(
    points: np.ndarray, map_size: tuple[int, int], stride: int, sigma: float = 1.5, rounded: bool = False
) -> np.ndarray:
    """Draw a Gaussian of height 1 around each keypoint, one heatmap per joint.

    The centre stays real-valued. Rounding it to a cell loses up to half a cell, which no decoder can find again
    (Zhang et al. 2020, "Coordinate Encoding").

    Parameters
    ----------
    points : array (N, J, 2)
        Keypoints (x, y) in image pixels. Those outside the image leave the tail of their Gaussian, or nothing.
    map_size : (int, int)
        Height and width of the maps, in cells.
    stride : int
        Image pixels per cell.
    sigma : float
        Standard deviation of the Gaussian, in cells.
    rounded : bool
        True moves each centre to that of its cell, as most published networks were trained. Default False.

    Returns
    -------
    float32 array (N, J, h, w)
        Indexed [row = y, column = x], and channels-last in memory, as the output of a network is.

    Raises
    ------
    ValueError
        If `points` is not (N, J, 2) or not finite, or a size is not positive.
    """
    points = checked_keypoints("encode_heatmaps", points)
    height, width = checked_size("encode_heatmaps", "map_size", map_size)
    check_memory("encode_heatmaps", "result", (*points.shape[:2], height, width))
    check_sigma("encode_heatmaps", sigma)
    check_stride("encode_heatmaps", stride)
    check_flag("encode_heatmaps", "rounded", rounded)
    centres = image_to_map(points, stride)
    if rounded:
        centres = np.floor(centres + 0.5)
    # A Gaussian of x and y is the product of one of x and one of y: h + w exponentials instead of h * w.
    rows = gaussian(np.arange(height)[:, None] - centres[:, None, :, 1], sigma)
    columns = gaussian(np.arange(width)[:, None] - centres[:, None, :, 0], sigma)
    return (rows[:, :, None, :] * columns[:, None, :, :]).transpose(0, 3, 1, 2)


def decode_argmax(maps: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the highest cell of each heatmap.

    The answer is off by 0.38 cells on average even for perfect maps, since it can only be a cell's centre.

    Parameters
    ----------
    maps : array (N, J, h, w)
        Heatmaps, indexed [row = y, column = x].
    stride : int
        Image pixels per cell.

    Returns
    -------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in image pixels.
    scores : array (N, J)
        The height of each peak. A map that is flat has no peak, and its point is the first cell: a score
        that is not clearly above the other values (above 0 for maps that were trained on `encode_heatmaps`)
        says that the point means nothing.

    Raises
    ------
    ValueError
        If `maps` is not (N, J, h, w), is empty, or holds NaN or infinity.
    """
    check_stride("decode_argmax", stride)
    maps = checked_maps("decode_argmax", maps)
    cells, scores = highest_cells(maps)
    return map_to_image(cells.astype(np.float32), stride), scores


def decode_quarter(maps: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the highest cell of each heatmap, and go a quarter of a cell towards the higher of its neighbours.

    In x and in y each (Newell et al. 2016, in the code of its evaluation). It halves the
    error of `decode_argmax` on maps with real-valued centres. On those with rounded centres the neighbours are equal,
    and which is higher is noise.

    Parameters
    ----------
    maps : array (N, J, h, w)
        Heatmaps, indexed [row = y, column = x].
    stride : int
        Image pixels per cell.

    Returns
    -------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in image pixels. At a border, where one neighbour is missing, and where both are equal, the
        cell's own coordinate.
    scores : array (N, J)
        The height of the highest cell, as in `decode_argmax`.

    Raises
    ------
    ValueError
        If `maps` is not (N, J, h, w), is empty, or holds NaN or infinity.
    """
    check_stride("decode_quarter", stride)
    maps = checked_maps("decode_quarter", maps)
    cells, scores = highest_cells(maps)
    N, J, height, width = maps.shape
    last = np.array([width, height]) - 1
    sample, joint = np.ogrid[:N, :J]
    (x, y), before, after = cells.transpose(2, 0, 1), np.maximum(cells - 1, 0), np.minimum(cells + 1, last)
    left, right = maps[sample, joint, y, before[..., 0]], maps[sample, joint, y, after[..., 0]]
    above, below = maps[sample, joint, before[..., 1], x], maps[sample, joint, after[..., 1], x]
    towards = np.stack([(right > left) * 1.0 - (right < left), (below > above) * 1.0 - (below < above)], axis=-1)
    has_both = (cells > 0) & (cells < last)
    points = cells + 0.25 * towards * has_both
    return map_to_image(points.astype(np.float32), stride), scores


DECODERS = ("argmax", "quarter", "dark")
LEAST_SIGMA = 0.5  # cells: a narrower Gaussian misses the centres of all cells, and its height depends on where it lies
LEAST_MEAN_SQUARE = 1e-4  # of a target, about pi sigma^2 / (h w): below it, a network that answers 0 is almost right


@dataclass(frozen=True)
class HeatmapCodec(MapCodec):
    """Keypoints as heatmaps (N, J, h, w), one Gaussian of height 1 for each joint.

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images in pixels, multiples of the stride.
    stride : int
        Image pixels per cell of the map. Default 2.
    sigma : float
        Standard deviation of the Gaussian in cells. Default 1.5.
    rounded : bool
        Whether its centre is moved to that of a cell. Default False.
    decoder : {"dark", "quarter", "argmax"}
        See `decode_dark`, the default, `decode_quarter` and `decode_argmax`.
    blur : bool
        Whether "dark" blurs the map first. Default True.

    Raises
    ------
    ValueError, TypeError
        If an argument is none of these, or sigma is less than 0.5: such a Gaussian falls between the cells.

    Warns
    -----
    UserWarning
        If the Gaussian is so small on its map that a network which answers 0 everywhere is almost right.
    """

    sigma: float = 1.5
    rounded: bool = False
    decoder: str = "dark"
    blur: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width = self.map_size
        check_number("HeatmapCodec", "sigma", self.sigma, LEAST_SIGMA, 1e6)
        check_flag("HeatmapCodec", "rounded", self.rounded)
        check_choice("HeatmapCodec", "decoder", self.decoder, DECODERS)
        check_flag("HeatmapCodec", "blur", self.blur)
        if self.decoder == "dark" and min(height, width) < 3:
            raise ValueError(f"HeatmapCodec: dark needs maps of at least 3 x 3 cells, not {height} x {width}")
        mean_square = math.pi * self.sigma**2 / (height * width)
        if mean_square < LEAST_MEAN_SQUARE:
            warnings.warn(
                f"HeatmapCodec: a Gaussian of sigma {self.sigma:.3g} cells on a map of {height} x {width} has a mean "
                f"square of {mean_square:.1e}, which is all that a network loses that answers 0 everywhere; take a "
                "larger sigma or a larger stride",
                stacklevel=3,
            )

    def encode(self, points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets float32 (N, J, h, w) and the weights float32 (N, J) of keypoints.

        Parameters
        ----------
        points : array (N, J, 2)
            Keypoints (x, y) in image pixels.
        visible : array (N, J)
            0 outside or unlabelled, 1 hidden, 2 visible. A weight is 1, or 0 where the joint is unlabelled or no cell
            of the map covers it.

        Raises
        ------
        ValueError
            If the shapes are wrong, a coordinate is not finite, or most labelled joints lie outside the image.
        """
        points = checked_keypoints("HeatmapCodec.encode", points)
        weights = joint_weights("HeatmapCodec.encode", points, visible, self.image_size)
        return self.ideal_outputs(points), weights

    def ideal_outputs(self, points: np.ndarray) -> np.ndarray:
        """Return what a network that makes no mistake would give for keypoints (N, J, 2): the targets."""
        return encode_heatmaps(points, self.map_size, self.stride, self.sigma, self.rounded)

    def decode(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints float32 (N, J, 2) in image pixels, and the heights (N, J) of the peaks.

        Parameters
        ----------
        outputs : array (N, J, h, w)
            Heatmaps, indexed [row = y, column = x].

        Raises
        ------
        ValueError
            If `outputs` has another shape, such as (N, h, w, J), or holds NaN or infinity.
        """
        outputs = checked_outputs("HeatmapCodec.decode", outputs, "N J h w", self.map_size)
        if self.decoder == "argmax":
            return decode_argmax(outputs, self.stride)
        if self.decoder == "quarter":
            return decode_quarter(outputs, self.stride)
        return decode_dark(outputs, self.stride, self.sigma, self.blur)
