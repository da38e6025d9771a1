"""An image through an affine map. Its points go through the same matrix, by `minipose.pose.affine`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from minipose.checks import as_array, is_integer, pair
from minipose.pose import affine

# Below this scale the image is averaged before it is sampled: the four pixels that bilinear interpolation reads are
# then too few for all that a pixel of the result covers. Above it, interpolation alone comes as close to the mean.
LEAST_SAMPLED_SCALE = 0.75


def warp_image(
    image: np.ndarray, matrix: np.ndarray, size: int | Sequence[int], fill: int | Sequence[int] = 0
) -> np.ndarray:
    """Draw an image anew where a matrix puts its pixels.

    The colour of a pixel is interpolated bilinearly and rounded down. Where the matrix shrinks the image to less than
    three quarters, it is first averaged to about the new scale, so that fine detail becomes its mean colour instead
    of a pattern that was not there (aliasing).

    Parameters
    ----------
    image : uint8 array (H, W, 3)
    matrix : array (2, 3)
        From the image's pixels (x, y) to the result's, as `minipose.pose.affine` makes it.
    size : int or (int, int)
        Height and width of the result in pixels.
    fill : int or three ints
        The colour, 0 to 255, of pixels whose centre comes from outside the image. Default: black.

    Returns
    -------
    uint8 array (height, width, 3)
        A new array. Pixels are those of the image, exactly, where whole pixels move to whole pixels.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of the above, or the matrix is singular.
    """
    check_image("warp_image", image)
    height, width = pair("warp_image", "size", size, 1)
    colour = _colour(fill)
    (a, b, c), (d, e, f) = affine.check_matrix("warp_image", matrix).tolist()
    if image.shape[:2] == (height, width) and (b, d, e, f) == (0, 0, 1, 0) and image.size:
        if (a, c) == (1, 0):
            return image.copy()
        if (a, c) == (-1, width - 1):
            return image[:, ::-1].copy()
    backward = affine.invert(matrix)
    if 0 in image.shape:
        raise ValueError(f"warp_image: image must have at least one pixel, got shape {image.shape}")
    source = Image.fromarray(image)
    scale_x, scale_y = math.hypot(a, d), math.hypot(b, e)
    if min(scale_x, scale_y) < LEAST_SAMPLED_SCALE:
        left, top, right, bottom = _part_seen(backward, (width, height), source.size, (scale_x, scale_y))
        if left >= right or top >= bottom:
            return np.full((height, width, 3), colour, np.uint8)
        columns, rows = (
            max(1, round(min(1.0, scale) * length))
            for scale, length in ((scale_x, right - left), (scale_y, bottom - top))
        )
        source = source.resize((columns, rows), Image.Resampling.HAMMING, box=(left, top, right, bottom))
        x, y = columns / (right - left), rows / (bottom - top)
        # Edge falls on edge, and edges lie half a pixel outside the centres of the outermost pixels.
        shrink = np.array([[x, 0, x * (0.5 - left) - 0.5], [0, y, y * (0.5 - top) - 0.5]])
        backward = affine.compose(backward, shrink)
    # Pillow counts pixels from their outer corner, half a pixel up and left of the first one's centre.
    (a, b, c), (d, e, f) = backward.tolist()
    coefficients = (a, b, c + 0.5 - (a + b) / 2, d, e, f + 0.5 - (d + e) / 2)
    warped = source.transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR, fillcolor=colour
    )
    return np.array(warped)


def check_image(name: str, image: np.ndarray) -> None:
    """Raise TypeError or ValueError in the words of function `name` unless `image` is uint8 (H, W, 3)."""
    if as_array(name, "image", image).dtype != np.uint8:
        raise TypeError(f"{name}: image must be uint8 (0 to 255), got {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"{name}: image must have shape (H, W, 3), got {image.shape}")


def _colour(fill: int | Sequence[int]) -> tuple[int, ...]:
    colour = (fill,) * 3 if is_integer(fill) else tuple(fill) if isinstance(fill, (tuple, list, np.ndarray)) else ()
    if len(colour) != 3 or not all(is_integer(value) and 0 <= value <= 255 for value in colour):
        raise ValueError(f"warp_image: fill must be an integer from 0 to 255, or three of them, not {fill!r}")
    return tuple(int(value) for value in colour)


def _part_seen(
    backward: np.ndarray, size: tuple[int, int], source: tuple[int, int], scale: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, counted in whole pixels, of the part of the source that the result shows."""
    width, height = size
    corners = affine.transform_points(backward, np.array([[x, y] for x in (-1, width) for y in (-1, height)]))
    reach = 2 / np.array(scale)  # what interpolation and averaging may read around a pixel
    low = np.floor(corners.min(axis=0) - reach)
    high = np.ceil(corners.max(axis=0) + reach) + 1
    left, top = (int(value) for value in np.clip(low, 0, source))
    right, bottom = (int(value) for value in np.clip(high, 0, source))
    return left, top, right, bottom
