"""Affine maps of the image plane: where a pixel goes when an image is turned, scaled, moved, mirrored or cropped.

A map is a float64 matrix [[a, b, c], [d, e, f]] that takes the point (x, y) to (a x + b y + c, d x + e y + f). Both
are in pixels, the centre of the first pixel being (0, 0), so an image of width W spans -0.5 to W - 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minipose.checks import as_array, check_integer, check_number

# Of the product of the matrix's two columns' lengths, the area that they span: less is lost in rounding.
SMALLEST_AREA = 1e-12


def identity() -> np.ndarray:
    """Return the map that leaves every point where it is, float64 (2, 3)."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def rotation(degrees: float, centre: Sequence[float]) -> np.ndarray:
    """Return the rotation about a point.

    Parameters
    ----------
    degrees : float
        Positive turns the image anticlockwise, as Pillow's `Image.rotate` does.
    centre : pair of float
        The point (x, y) that stays, in pixels. An image's own centre is ((W - 1) / 2, (H - 1) / 2).

    Returns
    -------
    float64 array (2, 3)

    Raises
    ------
    TypeError, ValueError
        If an argument is no number, NaN or infinite.
    """
    angle = math.radians(_number("rotation", "degrees", degrees))
    x, y = _pair("rotation", "centre", centre)
    cosine, sine = math.cos(angle), math.sin(angle)
    # y points downwards, so what the viewer sees as anticlockwise turns y towards x.
    return np.array([[cosine, sine, x - cosine * x - sine * y], [-sine, cosine, y + sine * x - cosine * y]])


def scaling(factor: float, centre: Sequence[float]) -> np.ndarray:
    """Return the map that moves every point to `factor` times its distance from `centre` (x, y), float64 (2, 3).

    Raises
    ------
    TypeError, ValueError
        If the factor is not positive and finite, or the centre is not two finite numbers.
    """
    factor = _number("scaling", "factor", factor)
    if factor <= 0:
        raise ValueError(f"scaling: factor must be positive, not {factor}")
    x, y = _pair("scaling", "centre", centre)
    return np.array([[factor, 0.0, x - factor * x], [0.0, factor, y - factor * y]])


def translation(x: float, y: float) -> np.ndarray:
    """Return the map that moves every point by `x` to the right and by `y` downwards, in pixels, float64 (2, 3)."""
    return np.array([[1.0, 0.0, _number("translation", "x", x)], [0.0, 1.0, _number("translation", "y", y)]])


def horizontal_flip(width: int) -> np.ndarray:
    """Return the mirror image of an image of `width` pixels: x becomes width - 1 - x, float64 (2, 3)."""
    check_integer("horizontal_flip", "width", width, 1)
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def box_to_square(box: Sequence[float], size: int, margin: float = 0.0) -> np.ndarray:
    """Return the map from an image to a square crop around a box.

    The crop's centre is the box's, its side is the box's longer one and the margins. The edges of that square fall
    on the edges of the crop, which are half a pixel outside the centres of its outermost pixels.

    Parameters
    ----------
    box : four floats
        Left, top, right and bottom edge in pixels. The box of a whole image is (-0.5, -0.5, W - 0.5, H - 0.5).
    size : int
        Side of the crop in pixels.
    margin : float
        What is added on each of the four sides, in longer sides of the box. Default: nothing.

    Returns
    -------
    float64 array (2, 3)

    Raises
    ------
    TypeError, ValueError
        If the box is not four finite numbers, has no width or no height, or `size` or `margin` is too small.

    Examples
    --------
    >>> box_to_square((-0.5, -0.5, 3.5, 3.5), size=8)
    array([[2. , 0. , 0.5],
           [0. , 2. , 0.5]])
    """
    edges = as_array("box_to_square", "box", box)
    if edges.shape != (4,) or not np.isfinite(edges).all():
        raise ValueError(f"box_to_square: box must be four finite numbers (left, top, right, bottom), not {box}")
    check_integer("box_to_square", "size", size, 1)
    if _number("box_to_square", "margin", margin) < 0:
        raise ValueError(f"box_to_square: margin must be at least 0, not {margin}")
    left, top, right, bottom = edges.tolist()
    if right <= left or bottom <= top:
        raise ValueError(
            f"box_to_square: box must have its right edge beyond its left one and its bottom below its top, not {box}"
        )
    factor = size / (max(right - left, bottom - top) * (1 + 2 * margin))
    middle = (size - 1) / 2
    return np.array(
        [[factor, 0.0, middle - factor * (left + right) / 2], [0.0, factor, middle - factor * (top + bottom) / 2]]
    )


def image_to_square(image_size: Sequence[int], size: int) -> np.ndarray:
    """Return the map that fits a whole image of (height, width) pixels into a square of `size`, float64 (2, 3).

    Beside the shorter side the square has room that the image does not fill.
    """
    height, width = image_size
    return box_to_square((-0.5, -0.5, width - 0.5, height - 0.5), size)


def compose(*matrices: np.ndarray) -> np.ndarray:
    """Return the one map that does what the given maps do one after the other, the first of them first.

    Parameters
    ----------
    *matrices : arrays (2, 3)
        At least one.

    Returns
    -------
    float64 array (2, 3)

    Raises
    ------
    TypeError, ValueError
        If there is none, or one is not a finite matrix (2, 3).

    Examples
    --------
    >>> compose(scaling(2, (0, 0)), translation(1, 0))
    array([[2., 0., 1.],
           [0., 2., 0.]])
    """
    if not matrices:
        raise ValueError("compose: there is no matrix to compose")
    result = check_matrix("compose", matrices[0]).copy()
    for matrix in matrices[1:]:
        matrix = check_matrix("compose", matrix)
        result = matrix[:, :2] @ result
        result[:, 2] += matrix[:, 2]
    return result


def invert(matrix: np.ndarray) -> np.ndarray:
    """Return the map that takes every point back.

    Parameters
    ----------
    matrix : array (2, 3)

    Returns
    -------
    float64 array (2, 3)

    Raises
    ------
    TypeError, ValueError
        If it is not a finite matrix (2, 3), or is singular: it maps the plane to a line or a point.
    """
    (a, b, c), (d, e, f) = check_matrix("invert", matrix).tolist()
    area = a * e - b * d
    if not abs(area) > SMALLEST_AREA * math.hypot(a, d) * math.hypot(b, e):
        raise ValueError(
            f"invert: matrix {[[a, b, c], [d, e, f]]} is singular: it maps the plane to a line or a point, "
            "from which there is no way back"
        )
    a, b, d, e = e / area, -b / area, -d / area, a / area
    return np.array([[a, b, -(a * c + b * f)], [d, e, -(d * c + e * f)]])


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move points.

    Parameters
    ----------
    matrix : array (2, 3)
    points : array (..., 2)
        (x, y) in pixels.

    Returns
    -------
    array (..., 2)
        float32 where `points` are, computed in float64; else float64.

    Raises
    ------
    TypeError, ValueError
        If either is not an array of finite numbers of this shape.
    """
    matrix = check_matrix("transform_points", matrix)
    points = as_array("transform_points", "points", points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"transform_points: points must have shape (..., 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("transform_points: points must be finite, but some of them are NaN or infinite")
    result = points @ matrix[:, :2].T + matrix[:, 2]
    return result.astype(np.float32) if points.dtype == np.float32 else result


def is_inside(points: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return which points (..., 2) lie on a pixel of an image of `size` (height, width), bool (...). NaN is nowhere."""
    height, width = size
    return ((points >= -0.5) & (points <= (width - 0.5, height - 0.5))).all(axis=-1)


def check_matrix(name: str, matrix: np.ndarray) -> np.ndarray:
    """Return `matrix` as float64; raise ValueError in the words of function `name` unless it is finite and (2, 3)."""
    matrix = as_array(name, "matrix", matrix)
    if matrix.shape != (2, 3):
        raise ValueError(f"{name}: matrix must have shape (2, 3), got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name}: matrix must be finite, not {matrix.tolist()}")
    return matrix.astype(np.float64, copy=False)


def _number(name: str, argument: str, value: float) -> float:
    check_number(name, argument, value)
    if math.isinf(value):
        raise ValueError(f"{name}: {argument} must be finite, not {value}")
    return float(value)


def _pair(name: str, argument: str, value: Sequence[float]) -> tuple[float, float]:
    try:
        x, y = value
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {argument} must be two numbers (x, y), not {value!r}") from None
    return _number(name, argument, x), _number(name, argument, y)
