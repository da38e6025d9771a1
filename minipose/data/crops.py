"""Squares cut out of images around points, all of a batch at once."""

from __future__ import annotations

import numpy as np

from minipose.checks import as_array, check_integer, check_memory


def crop_squares(images: np.ndarray, centres: np.ndarray, sides: np.ndarray, size: int) -> np.ndarray:
    """Cut J upright squares out of each image, and scale them to one size.

    Colours are interpolated bilinearly. Where a square shrinks, each pixel is a mean over what it covers, weighted by a
    triangle. What lies outside the image is black. The centre of a square falls on the centre of its crop,
    ((size - 1) / 2, (size - 1) / 2), and a point p of the image on that + (p - centre) * size / side.

    Parameters
    ----------
    images : uint8 array (N, H, W, 3)
    centres : array (N, J, 2)
        Points (x, y) in image pixels.
    sides : array (N,)
        Side of the squares of each image in pixels.
    size : int
        Side of the crops in pixels.

    Returns
    -------
    uint8 array (N, J, size, size, 3)

    Raises
    ------
    ValueError, TypeError
        If an argument is none of the above.
    """
    name = "crop_squares"
    images, centres, sides = (
        as_array(name, argument, value)
        for argument, value in (("images", images), ("centres", centres), ("sides", sides))
    )
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"{name}: images must be uint8 of shape (N, H, W, 3), got {images.dtype} of {images.shape}")
    N, H, W, _ = images.shape
    if centres.ndim != 3 or centres.shape[0] != N or centres.shape[2] != 2 or not np.isfinite(centres).all():
        raise ValueError(f"{name}: centres must be finite and of shape (N, J, 2) = ({N}, J, 2), got {centres.shape}")
    if sides.shape != (N,) or not (np.isfinite(sides) & (sides > 0)).all():
        raise ValueError(f"{name}: sides must be a positive length for each of {N} images, got {sides}")
    check_integer(name, "size", size, 1)
    J = centres.shape[1]
    check_memory(name, "crops", (N, J, size, size, 3))
    # A crop is rows @ image @ columns: its rows are mixtures of the image's rows, and its columns of the columns.
    rows = _mixtures(centres[:, :, 1], sides, H, size)
    columns = _mixtures(centres[:, :, 0], sides, W, size)
    values = images.transpose(0, 1, 3, 2).reshape(N, H, 3 * W).astype(np.float32)
    mixed = (rows.reshape(N, J * size, H) @ values).reshape(N, J, size * 3, W) @ columns.swapaxes(2, 3)
    return np.rint(mixed.reshape(N, J, size, 3, size).swapaxes(3, 4)).astype(np.uint8)


def _mixtures(centres: np.ndarray, sides: np.ndarray, length: int, size: int) -> np.ndarray:
    """Return (N, J, size, length): what each of `length` pixels gives to each of `size`; all of them, if it is inside.

    `centres` are (N, J), along this axis.
    """
    sides = sides[:, None, None]
    positions = centres[..., None] + sides * ((np.arange(size) + 0.5) / size - 0.5)  # (N, J, size)
    reach = np.maximum(1, sides / size)
    fractions = positions - np.floor(positions)
    whole = _one_side(fractions, reach) + _one_side(1 - fractions, reach)
    weights = np.abs(np.arange(length, dtype=np.float32) - positions[..., None].astype(np.float32))
    np.subtract(1, weights / reach[..., None].astype(np.float32), out=weights)
    np.maximum(weights, 0, out=weights)
    weights /= whole[..., None].astype(np.float32)
    return weights


def _one_side(nearest: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return the sum of the weights 1 - d / reach of pixels at distances d = nearest, nearest + 1, ... up to reach."""
    count = np.floor(reach - nearest) + 1
    return count * (1 - (nearest + (count - 1) / 2) / reach)
