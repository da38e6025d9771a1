"""Where the pixels of an image, the cells of a map and the bins of an axis lie over each other.

This file alone knows. The centre of the first pixel is (0, 0), so an image of width W reaches from -0.5 to W-0.5. A
cell of a stride-s map covers s x s pixels, and its centre is theirs: cell j lies at the image coordinate
s*j + (s-1)/2. The bins of SimCC are cells of a stride smaller than 1.
"""

from __future__ import annotations

import numpy as np

from minipose.checks import TOO_FAR, as_array, check_integer, pair


def image_to_map(points: np.ndarray, stride: int) -> np.ndarray:
    """Convert keypoints from image pixels to the cells of a heatmap.

    Parameters
    ----------
    points : array (..., 2)
        Positions (x, y) in image pixels.
    stride : int
        Image pixels per cell.

    Returns
    -------
    array (..., 2)
        Positions (x, y) in cells, real-valued: (points - (stride-1)/2) / stride.
    """
    points = _checked_points("image_to_map", points)
    check_stride("image_to_map", stride)
    return (points - (stride - 1) / 2) / stride


def map_to_image(points: np.ndarray, stride: int) -> np.ndarray:
    """Convert keypoints from the cells of a heatmap to image pixels, the inverse of `image_to_map`.

    Parameters
    ----------
    points : array (..., 2)
        Positions (x, y) in cells.
    stride : int
        Image pixels per cell.

    Returns
    -------
    array (..., 2)
        Positions (x, y) in image pixels: stride * points + (stride-1)/2.
    """
    points = _checked_points("map_to_image", points)
    check_stride("map_to_image", stride)
    return points * stride + (stride - 1) / 2


def image_to_bins(points: np.ndarray, split: int) -> np.ndarray:
    """Convert keypoints (..., 2) from image pixels to bins, `split` of which share a pixel: split*(points + 1/2) - 1/2.

    The edge of the image is the edge of the first bin, and mirrored images have mirrored bins.
    """
    points = _checked_points("image_to_bins", points)
    check_integer("image_to_bins", "split", split, 1)
    return split * (points + 0.5) - 0.5


def bins_to_image(points: np.ndarray, split: int) -> np.ndarray:
    """Convert keypoints (..., 2) from bins to image pixels, the inverse of `image_to_bins`."""
    points = _checked_points("bins_to_image", points)
    check_integer("bins_to_image", "split", split, 1)
    return (points + 0.5) / split - 0.5


def image_to_unit(points: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Convert keypoints (..., 2) from image pixels to 0..1, from edge to edge: x = -0.5 to 0, and x = W-0.5 to 1.

    `image_size` is (height, width), the points are (x, y).
    """
    points = _checked_points("image_to_unit", points)
    height, width = checked_size("image_to_unit", "image_size", image_size)
    return (points + 0.5) / np.array([width, height], points.dtype if points.dtype.kind == "f" else np.float64)


def unit_to_image(points: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Convert keypoints (..., 2) from 0..1 to image pixels, the inverse of `image_to_unit`."""
    points = _checked_points("unit_to_image", points)
    height, width = checked_size("unit_to_image", "image_size", image_size)
    return points * np.array([width, height], points.dtype if points.dtype.kind == "f" else np.float64) - 0.5


def check_stride(caller: str, stride: int) -> None:
    """Raise TypeError or ValueError unless `stride` is a positive number of image pixels per cell."""
    check_integer(caller, "stride", stride, 1)
    if stride >= TOO_FAR:
        raise ValueError(f"{caller}: stride must be less than 2**31 image pixels per cell, not {stride}")


def checked_size(caller: str, argument: str, size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) as two positive integers; raise TypeError or ValueError unless it is."""
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"{caller}: {argument} must be (height, width), got {size!r}")
    for length in size:
        check_integer(caller, f"each of {argument}", length, 1)
    return pair(caller, argument, size, 1)


def check_map(caller: str, image_size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return (height, width) of the map of an image; raise unless its cells cover the image without a rest."""
    height, width = checked_size(caller, "image_size", image_size)
    check_stride(caller, stride)
    if height % stride or width % stride:
        raise ValueError(f"{caller}: image_size must be multiples of stride {stride}, not {height} x {width}")
    return height // stride, width // stride


def _checked_points(caller: str, points: np.ndarray) -> np.ndarray:
    points = as_array(caller, "points", points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"{caller}: the last axis of points must be (x, y), got shape {points.shape}")
    return points
