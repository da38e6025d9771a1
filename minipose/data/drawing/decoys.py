"""What misleads: parts that look like the figure's own, and shapes in front of it that hide its joints."""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.backgrounds import BEHIND, LARGEST_DISC, SMALLEST_DISC
from minipose.data.drawing.colours import contrasting
from minipose.data.drawing.figure import line_half_width
from minipose.data.drawing.numbers import geometric, inner, integer, uniform
from minipose.data.drawing.render import add_disc, add_line, add_rectangle, contains

MOST_DISCS, MOST_SEGMENTS = 6, 8
MOST_HIDDEN = 4
OCCLUDER_TRIES = 24
IN_FRONT = 1000  # the layer
DISC_POINTS = 37  # of the positions (i, k) / 3.5, i and k from -3 to 3, those within the unit disc


@inner
def add_loose_parts(stream, shapes, size, half_width, palette):
    """Append discs as big as heads and pieces of limbs, in the figure's colours."""
    for _ in range(1 + geometric(stream, 0.5, MOST_DISCS - 1)):
        x, y = uniform(stream, -0.5, size - 0.5), uniform(stream, -0.5, size - 0.5)
        radius = uniform(stream, SMALLEST_DISC * size, LARGEST_DISC * size)
        add_disc(shapes, x, y, radius, palette[integer(stream, 0, 3)], BEHIND)
    for _ in range(2 + geometric(stream, 0.5, MOST_SEGMENTS - 2)):
        x, y = uniform(stream, -0.5, size - 0.5), uniform(stream, -0.5, size - 0.5)
        angle, length = uniform(stream, 0.0, 2.0 * math.pi), uniform(stream, 0.08 * size, 0.25 * size)
        end_x, end_y = x + length * math.cos(angle), y + length * math.sin(angle)
        add_line(shapes, x, y, end_x, end_y, half_width, palette[integer(stream, 0, 3)], BEHIND)


@inner
def add_occluders(stream, shapes, size, points, layers, visible, course, palette):
    """Append rectangles and discs in front of the figure until they hide 1 to 4 of its joints.

    `points` (16, 2), their `layers` and their flags `visible`, which are brought up to date.
    """
    used, half_width = shapes[1], line_half_width(size)
    wanted, before = integer(stream, 1, MOST_HIDDEN + 1), count_visible(visible)
    flags = np.empty(16, dtype=np.uint8)
    copy_flags(visible, flags)
    colours = contrasting(stream, OCCLUDER_TRIES, course, palette)
    for attempt in range(OCCLUDER_TRIES):
        joint, shape = integer(stream, 0, 16), integer(stream, 0, 2)
        # They shrink, so that in the end they hide no more than the one joint that they are put on.
        largest = max(1.5 * half_width, LARGEST_DISC * size * (1.0 - attempt / OCCLUDER_TRIES))
        width, height = uniform(stream, 1.2 * half_width, largest), uniform(stream, 1.2 * half_width, largest)
        x = points[joint, 0] + uniform(stream, -0.3, 0.3) * width
        y = points[joint, 1] + uniform(stream, -0.3, 0.3) * height
        hidden = before - count_visible(visible)
        if hidden == wanted or visible[joint] != 2:
            continue
        if shape == 0:
            add_disc(shapes, x, y, width, colours[attempt], IN_FRONT)
        else:
            add_rectangle(shapes, x - width, y - height, x + width, y + height, colours[attempt], IN_FRONT)
        set_hidden(points, layers, half_width, shapes, flags)
        if hidden < before - count_visible(flags) <= wanted:
            copy_flags(flags, visible)
        else:
            used[0] -= 1
            copy_flags(visible, flags)


@inner
def count_visible(visible):
    """Return how many joints are flagged as visible."""
    count = 0
    for joint in range(16):
        count += 1 if visible[joint] == 2 else 0
    return count


@inner
def copy_flags(source, target):
    """Copy the flags of 16 joints."""
    for joint in range(16):
        target[joint] = source[joint]


@inner
def set_hidden(points, layers, half_width, shapes, visible):
    """Flag the joints that are in the image (flags 1 and 2) as hidden, 1, or visible, 2.

    A joint is hidden where the shapes of a higher layer than its own cover more than half of a disc around it that is
    as wide as a line.
    """
    near = np.empty(shapes[1][0], dtype=np.int64)
    for joint in range(16):
        if visible[joint]:
            covered = _covered_points(points[joint, 0], points[joint, 1], layers[joint], half_width, shapes, near)
            visible[joint] = 1 if 2 * covered > DISC_POINTS else 2


@inner
def _covered_points(x, y, layer, half_width, shapes, near):
    """Return how many of `DISC_POINTS` positions around (x, y) lie under shapes of a higher layer.

    `near` is filled with the rows of those shapes that come into question, which are few.
    """
    table, used = shapes
    count = covered = 0
    for index in range(used[0]):
        if table[index, 9] > layer and _is_near(table[index], x, y, half_width):
            near[count] = index
            count += 1
    if count == 0:
        return 0
    for i in range(-3, 4):
        for k in range(-3, 4):
            if i * i + k * k > 12:
                continue
            for index in range(count):
                if contains(table[near[index]], x + i * half_width / 3.5, y + k * half_width / 3.5):
                    covered += 1
                    break
    return covered


@inner
def _is_near(row, x, y, half_width):
    reach = row[5] + half_width
    across = min(row[1], row[3]) - reach <= x <= max(row[1], row[3]) + reach
    return across and min(row[2], row[4]) - reach <= y <= max(row[2], row[4]) + reach
