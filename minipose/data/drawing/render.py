"""Anti-aliased lines with round ends, discs and rectangles, painted over an image one after the other.

Positions are (x, y) in pixels and the centre of the first pixel is (0, 0), so the image's left edge is at -0.5.
A pixel is mixed in whole 256ths and whole colours, so that images are the same on every machine.
"""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.numbers import inner

CAPSULE, RECTANGLE = 0, 1
COLUMNS = 10  # of a table of shapes: kind, x0, y0, x1, y1, radius, red, green, blue, layer
FULL = 256  # the coverage of a pixel that lies wholly inside


@inner
def paint_pixel(image, row, column, coverage, colour):
    """Mix the pixel with `coverage` 256ths of the colour."""
    if coverage == FULL:
        for channel in range(3):
            image[row, column, channel] = colour[channel]
    else:
        rest = FULL - coverage
        for channel in range(3):
            before = int(image[row, column, channel])
            image[row, column, channel] = (rest * before + coverage * colour[channel] + FULL // 2) // FULL


@inner
def whole_range(low, high, end):
    """Return the whole numbers of 0 to `end - 1` that lie between low and high, as the bounds of a range."""
    first = min(max(0.0, np.ceil(low)), float(end))
    return int(first), int(max(min(float(end), np.floor(high) + 1.0), first))


@inner
def paint_capsule(image, x0, y0, x1, y1, radius, colour):
    """Paint a line from (x0, y0) to (x1, y1), `radius` to each side of it: a disc where its ends coincide."""
    reach = radius + 0.5
    along_x, along_y = x1 - x0, y1 - y0
    length_squared = along_x * along_x + along_y * along_y
    scale = 1.0 / length_squared if length_squared > 0.0 else 0.0
    outside, inside = reach * reach, max(0.0, radius - 0.5) ** 2
    first_row, end_row = whole_range(min(y0, y1) - reach, max(y0, y1) + reach, image.shape[0])
    first_column, end_column = whole_range(min(x0, x1) - reach, max(x0, x1) + reach, image.shape[1])
    for row in range(first_row, end_row):
        for column in range(first_column, end_column):
            offset_x, offset_y = column - x0, row - y0
            position = min(1.0, max(0.0, (offset_x * along_x + offset_y * along_y) * scale))
            offset_x -= position * along_x
            offset_y -= position * along_y
            distance_squared = offset_x * offset_x + offset_y * offset_y
            if distance_squared >= outside:
                continue
            coverage = FULL
            if distance_squared > inside:
                coverage = int(FULL * min(1.0, reach - math.sqrt(distance_squared)) + 0.5)
            paint_pixel(image, row, column, coverage, colour)


@inner
def paint_rectangle(image, left, top, right, bottom, colour):
    """Paint what lies between four edges."""
    first_row, end_row = whole_range(top - 0.5, bottom + 0.5, image.shape[0])
    first_column, end_column = whole_range(left - 0.5, right + 0.5, image.shape[1])
    for row in range(first_row, end_row):
        height = min(bottom, row + 0.5) - max(top, row - 0.5)
        for column in range(first_column, end_column):
            width = min(right, column + 0.5) - max(left, column - 0.5)
            coverage = int(FULL * max(0.0, width) * max(0.0, height) + 0.5)
            paint_pixel(image, row, column, coverage, colour)


@inner
def add_line(shapes, x0, y0, x1, y1, radius, colour, layer):
    """Append to a table of shapes a line with round ends, `radius` to each side of it.

    A table is a pair: an array (n, 10), and how many of its rows are in use. It is painted in its order, and what a
    shape of a higher `layer` covers is hidden.
    """
    _add(shapes, CAPSULE, x0, y0, x1, y1, radius, colour, layer)


@inner
def add_disc(shapes, x, y, radius, colour, layer):
    """Append a filled circle around (x, y): a line without a length."""
    _add(shapes, CAPSULE, x, y, x, y, radius, colour, layer)


@inner
def add_rectangle(shapes, left, top, right, bottom, colour, layer):
    """Append what lies between four edges."""
    _add(shapes, RECTANGLE, left, top, right, bottom, 0.0, colour, layer)


@inner
def _add(shapes, kind, x0, y0, x1, y1, radius, colour, layer):
    table, used = shapes
    row = table[used[0]]
    row[0], row[1], row[2], row[3], row[4], row[5] = kind, x0, y0, x1, y1, radius
    row[6], row[7], row[8], row[9] = colour[0], colour[1], colour[2], layer
    used[0] += 1


@inner
def paint_shapes(image, shapes):
    """Paint a table of shapes in its order, and empty it."""
    table, used = shapes
    for index in range(used[0]):
        row = table[index]
        colour = (int(row[6]), int(row[7]), int(row[8]))
        if row[0] == RECTANGLE:
            paint_rectangle(image, row[1], row[2], row[3], row[4], colour)
        else:
            paint_capsule(image, row[1], row[2], row[3], row[4], row[5], colour)
    used[0] = 0


@inner
def contains(row, x, y):
    """Return whether the shape in this row of a table covers the position (x, y)."""
    if row[0] == RECTANGLE:
        return row[1] <= x <= row[3] and row[2] <= y <= row[4]
    along_x, along_y = row[3] - row[1], row[4] - row[2]
    offset_x, offset_y = x - row[1], y - row[2]
    length_squared = along_x * along_x + along_y * along_y
    position = 0.0
    if length_squared > 0.0:
        position = min(1.0, max(0.0, (offset_x * along_x + offset_y * along_y) / length_squared))
    offset_x -= position * along_x
    offset_y -= position * along_y
    return offset_x * offset_x + offset_y * offset_y <= row[5] * row[5]
