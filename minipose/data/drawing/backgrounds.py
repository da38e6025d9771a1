"""What lies behind the figure: discs, rectangles, and the scenery of an invented platform game.

All colours keep away from the figure's, so that in every image it can be told from what is behind it. Each function
appends to a table of shapes, for an image of `size` x `size` pixels, and takes its random numbers from a stream.
"""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.colours import WHITE, contrasting, distance
from minipose.data.drawing.numbers import geometric, inner, integer, uniform
from minipose.data.drawing.render import add_disc, add_rectangle

MOST_DISCS, MOST_RECTANGLES = 24, 12
SMALLEST_DISC, LARGEST_DISC = 0.03, 0.09  # radii in image sides: as large as the figures' heads
COURSE_DISC = 10 / 224
TILES_PER_SIDE = 12
BEHIND = -1  # the layer


@inner
def clutter(stream, shapes, size, more_discs, more_rectangles, course, palette):
    """Append discs as big as heads, then rectangles of any size.

    `more_discs` and `more_rectangles` are the probability p that one more is added, again and again: p / (1 - p) of
    them on average. In the style of the course all discs are of one size, and all colours flat.
    """
    discs, rectangles = geometric(stream, more_discs, MOST_DISCS), geometric(stream, more_rectangles, MOST_RECTANGLES)
    colours = contrasting(stream, discs + rectangles, course, palette)
    for index in range(discs):
        x, y = uniform(stream, -0.5, size - 0.5), uniform(stream, -0.5, size - 0.5)
        radius = size * (COURSE_DISC if course else uniform(stream, SMALLEST_DISC, LARGEST_DISC))
        add_disc(shapes, x, y, radius, colours[index], BEHIND)
    for index in range(rectangles):
        x0, x1 = uniform(stream, -0.5, size - 0.5), uniform(stream, -0.5, size - 0.5)
        y0, y1 = uniform(stream, -0.5, size - 0.5), uniform(stream, -0.5, size - 0.5)
        add_rectangle(shapes, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), colours[discs + index], BEHIND)


@inner
def platform(stream, shapes, size, palette):
    """Append the scenery of an invented platform game, which fills the whole image.

    From back to front: a sky, clouds, hills, columns with caps, a chequered ground, runs of bricks, and in half of the
    images a ladder. All places and colours are random.
    """
    tile = size / TILES_PER_SIDE
    colours = contrasting(stream, 13, False, palette)
    ground_top = size - 0.5 - tile * integer(stream, 1, 3)
    _sky(shapes, size, colours)
    _clouds(stream, shapes, size, colours[2])
    _hills(stream, shapes, size, colours)
    _columns(stream, shapes, size, tile, ground_top, colours[6], colours[7])
    ground(shapes, size, tile, ground_top, colours[8], colours[9])
    mortar = colours[10]
    for channel in range(3):
        mortar[channel] = mortar[channel] // 4.0
    if distance(mortar, palette) < 60.0:  # a shaded limb may be as dark
        mortar[0] = mortar[1] = mortar[2] = WHITE
    _bricks(stream, shapes, size, tile, ground_top, mortar, colours[11])
    if uniform(stream, 0.0, 1.0) < 0.5:
        _ladder(stream, shapes, size, tile, ground_top, colours[12])


@inner
def _sky(shapes, size, colours):
    colour = np.empty(3)
    for row in range(size):
        for channel in range(3):
            change = colours[1, channel] - colours[0, channel]
            colour[channel] = math.floor(colours[0, channel] + change * row / size + 0.5)
        add_rectangle(shapes, -0.5, row - 0.5, size - 0.5, row + 0.5, colour, BEHIND)


@inner
def _clouds(stream, shapes, size, colour):
    for _ in range(integer(stream, 0, 4)):
        x, y = uniform(stream, 0.0, float(size)), uniform(stream, 0.0, 0.4 * size)
        for puff in range(-1, 2):
            radius, lower = uniform(stream, 0.03 * size, 0.06 * size), 0.01 * size if puff else -0.02 * size
            add_disc(shapes, x + 0.06 * size * puff, y + lower, radius, colour, BEHIND)


@inner
def _hills(stream, shapes, size, colours):
    crests = np.empty(integer(stream, 1, 4))
    for index in range(crests.size):
        # The farthest first, which is the highest in the image: each number is put in its place among those before.
        place, crest = index, uniform(stream, 0.35 * size, 0.75 * size)
        while place > 0 and crests[place - 1] > crest:
            crests[place] = crests[place - 1]
            place -= 1
        crests[place] = crest
    for index in range(crests.size):
        crest_x, wavelength = uniform(stream, 0.0, float(size)), uniform(stream, 0.4 * size, 1.2 * size)
        amplitude = uniform(stream, 0.04 * size, 0.15 * size)
        for x in range(size):
            top = crests[index] + amplitude * (1.0 - math.cos(2.0 * math.pi * (x - crest_x) / wavelength))
            add_rectangle(shapes, x - 0.5, top, x + 0.5, size - 0.5, colours[3 + index], BEHIND)


@inner
def _columns(stream, shapes, size, tile, ground_top, shaft, cap):
    for _ in range(integer(stream, 0, 3)):
        left, height = uniform(stream, 0.0, size - 2.0 * tile), uniform(stream, tile, 4.0 * tile)
        top = ground_top - height
        add_rectangle(shapes, left, top, left + 1.6 * tile, ground_top, shaft, BEHIND)
        add_rectangle(shapes, left - 0.2 * tile, top, left + 1.8 * tile, top + 0.6 * tile, cap, BEHIND)


@inner
def ground(shapes, size, tile, ground_top, first, second):
    """Append a floor in one colour, and every other tile of its first two rows in another."""
    add_rectangle(shapes, -0.5, ground_top, size - 0.5, size - 0.5, first, BEHIND)
    for row in range(2):
        for column in range(row, TILES_PER_SIDE, 2):
            left, top = -0.5 + tile * column, ground_top + tile * row
            add_rectangle(shapes, left, top, left + tile, top + tile, second, BEHIND)


@inner
def _bricks(stream, shapes, size, tile, ground_top, mortar, colour):
    joint = 0.12 * tile
    for _ in range(integer(stream, 2, 7)):
        first, top = uniform(stream, -tile, size - tile), uniform(stream, 0.0, ground_top - 2.0 * tile)
        for position in range(integer(stream, 2, 6)):
            left = first + tile * position
            add_rectangle(shapes, left - joint, top - joint, left + tile, top + tile, mortar, BEHIND)
            add_rectangle(shapes, left, top, left + tile - joint, top + tile - joint, colour, BEHIND)


@inner
def _ladder(stream, shapes, size, tile, ground_top, colour):
    left = uniform(stream, tile, size - 2.0 * tile)
    rungs, width = integer(stream, 4, 11), 0.16 * tile
    for rung in range(rungs):
        y = ground_top - tile / 2.0 * (rung + 0.5)
        add_rectangle(shapes, left, y - width / 2.0, left + tile, y + width / 2.0, colour, BEHIND)
    top = ground_top - tile / 2.0 * (rungs - 0.5) - width / 2.0
    add_rectangle(shapes, left, top, left + width, ground_top, colour, BEHIND)
    add_rectangle(shapes, left + tile - width, top, left + tile, ground_top, colour, BEHIND)
