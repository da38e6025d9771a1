"""Anti-aliased shapes, painted over an image one after the other.

Positions are (x, y) in pixels and the centre of the first pixel is (0, 0), so the image's left edge is at
-0.5. Each shape is a row of a table (kind, five numbers of geometry, red, green, blue); the functions below
make such tables, and `draw` paints them in their order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

CAPSULE, RECTANGLE = 0, 1
COLUMNS = 9


def capsules(starts: np.ndarray, ends: np.ndarray, radii: np.ndarray | float, colours: np.ndarray) -> np.ndarray:
    """Thick lines with round ends, from `starts` (n, 2) to `ends` (n, 2)."""
    table = _table(CAPSULE, len(starts), colours)
    table[:, 1:3], table[:, 3:5], table[:, 5] = starts, ends, radii
    return table


def discs(centres: np.ndarray, radii: np.ndarray | float, colours: np.ndarray) -> np.ndarray:
    """Filled circles around `centres` (n, 2)."""
    return capsules(centres, centres, radii, colours)


def rectangles(
    left: np.ndarray | float,
    top: np.ndarray | float,
    right: np.ndarray | float,
    bottom: np.ndarray | float,
    colours: np.ndarray,
) -> np.ndarray:
    """Filled rectangles between their edges, n numbers each, or one number for all."""
    table = _table(RECTANGLE, np.broadcast(left, top, right, bottom).size, colours)
    table[:, 1], table[:, 2], table[:, 3], table[:, 4] = left, top, right, bottom
    return table


def draw(image: np.ndarray, *tables: np.ndarray) -> None:
    """Paint tables of shapes over an image, in place, later shapes over earlier ones.

    Parameters
    ----------
    image : uint8 array (H, W, 3)
        What is painted on.
    *tables : arrays (n, 9)
        What `capsules`, `discs` and `rectangles` return.

    Raises
    ------
    ValueError
        If the image is not uint8 (H, W, 3), or a shape is not finite.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"draw: image must be uint8 of shape (H, W, 3), got {image.dtype} of shape {image.shape}")
    shapes = np.concatenate(tables)
    if not np.isfinite(shapes).all():
        raise ValueError("draw: a shape's position, size or colour is NaN or infinite")
    compiled_painter()(image, shapes)


def _table(kind: int, count: int, colours: np.ndarray) -> np.ndarray:
    table = np.zeros((count, COLUMNS))
    table[:, 0] = kind
    table[:, 6:] = colours
    return table


@functools.cache
def compiled_painter() -> Callable[[np.ndarray, np.ndarray], None]:
    """Return the loop behind `draw`, compiled at the first call."""
    # Numba takes a second to import, which only those who draw should wait for. Without the GIL a
    # background thread draws while the main thread trains.
    from numba import types

    from minipose.kernels.cpu.cache import name_of
    from minipose.kernels.cpu.compile import compiled, read, write

    signature = types.void(write(3, dtype=types.uint8), read(2, "C", types.float64))
    return compiled(_paint, signature, name_of(_paint), nogil=True)


def _paint(image: np.ndarray, shapes: np.ndarray) -> None:
    """Paint each row of `shapes` on the pixels of its bounding box, by the fraction of the pixel that it covers."""
    height, width = image.shape[0], image.shape[1]
    for index in range(shapes.shape[0]):
        kind, x0, y0, x1, y1, radius, red, green, blue = shapes[index]
        left, top, right, bottom = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        along_x, along_y = x1 - x0, y1 - y0
        length_squared = along_x * along_x + along_y * along_y
        reach = radius + 0.5
        first_row, end_row = max(0.0, math.floor(top - reach) + 1), min(height, math.ceil(bottom + reach))
        first_column, end_column = max(0.0, math.floor(left - reach) + 1), min(width, math.ceil(right + reach))
        for row in range(int(first_row), int(end_row)):
            inside_y = max(0.0, min(bottom, row + 0.5) - max(top, row - 0.5))
            for column in range(int(first_column), int(end_column)):
                if kind == RECTANGLE:
                    inside_x = min(right, column + 0.5) - max(left, column - 0.5)
                    coverage = max(0.0, inside_x) * inside_y
                else:
                    position = 0.0
                    if length_squared > 0.0:
                        position = ((column - x0) * along_x + (row - y0) * along_y) / length_squared
                        position = min(1.0, max(0.0, position))
                    offset_x, offset_y = column - x0 - position * along_x, row - y0 - position * along_y
                    coverage = min(1.0, max(0.0, reach - math.sqrt(offset_x * offset_x + offset_y * offset_y)))
                if coverage == 0.0:
                    continue
                rest = 1.0 - coverage
                pixel = image[row, column]
                pixel[0] = int(rest * pixel[0] + coverage * red + 0.5)
                pixel[1] = int(rest * pixel[1] + coverage * green + 0.5)
                pixel[2] = int(rest * pixel[2] + coverage * blue + 0.5)
