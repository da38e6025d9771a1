"""The colours of a figure, and colours that keep away from them, so that it can be told from what is behind it.

A palette is an array (3, 3): red, green and blue, 0 to 255, of the figure's middle, its right and its left.
"""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.numbers import inner, integer, uniform

COLOUR_DISTANCE = 120
TRIES = 4
WHITE = 255.0  # far from all colours of all palettes
BLACK = np.zeros(3)
SHADE = 0.45
GREEN, ORANGE, BLUE = (0, 255, 0), (255, 128, 0), (51, 153, 255)
FRONT, SHADED, COLOURED, FACE, NONE = range(5)


@inner
def from_hue(hue, saturation, value):
    """Return red, green and blue, 0 to 255, of a hue in turns from 0 (red) to 1 (red again)."""
    place = 6.0 * (hue - math.floor(hue))
    red = abs(place - 3.0) - 1.0
    green = 2.0 - abs(place - 2.0)
    blue = 2.0 - abs(place - 4.0)
    return _channel(red, saturation, value), _channel(green, saturation, value), _channel(blue, saturation, value)


@inner
def _channel(share, saturation, value):
    return int(255.0 * value * (1.0 - saturation * (1.0 - min(1.0, max(0.0, share)))) + 0.5)


@inner
def fill_palette(stream, hue, flat, cue, palette):
    """Draw the colours of a figure of this hue; a flat colour is one of six.

    Strong colours only: the backgrounds can then keep away from all of them by one rule.
    """
    colour = from_hue(hue, uniform(stream, 0.8, 1.0), uniform(stream, 0.9, 1.0))
    if flat:
        colour = from_hue(math.floor(6.0 * hue) / 6.0, 1.0, 1.0)
    for channel in range(3):
        palette[0, channel] = palette[1, channel] = palette[2, channel] = colour[channel]
        if cue == SHADED:
            palette[2, channel] = int(SHADE * colour[channel] + 0.5)
        elif cue == COLOURED:
            palette[0, channel], palette[1, channel] = GREEN[channel], ORANGE[channel]
            palette[2, channel] = BLUE[channel]


@inner
def distance(colour, palette):
    """Return how far a colour is from the nearest one of a palette."""
    nearest = np.inf
    for index in range(palette.shape[0]):
        other = palette[index]
        squared = (colour[0] - other[0]) ** 2 + (colour[1] - other[1]) ** 2 + (colour[2] - other[2]) ** 2
        nearest = min(nearest, math.sqrt(squared))
    return nearest


@inner
def contrasting(stream, count, flat, palette):
    """Draw colours (count, 3) that are at least `COLOUR_DISTANCE` from all of a palette; each one of six if `flat`."""
    colours = np.empty((count, 3))
    for index in range(count):
        colour = colours[index]
        for _ in range(TRIES):
            if flat:
                colour[0], colour[1], colour[2] = from_hue(integer(stream, 0, 6) / 6.0, 1.0, 1.0)
            else:
                for channel in range(3):
                    colour[channel] = integer(stream, 0, 256)
            if distance(colour, palette) >= COLOUR_DISTANCE:
                break
        else:
            colour[0] = colour[1] = colour[2] = WHITE
    return colours
