"""Backgrounds that are hard to tell from the figure: patterns of two colours near its own."""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.colours import WHITE, contrasting, distance
from minipose.data.drawing.numbers import inner, integer, uniform
from minipose.data.drawing.render import FULL

# How far the two colours are from the figure's. All others keep COLOUR_DISTANCE away.
NEAREST, FARTHEST = 70.0, 110.0
NEAR_TRIES = 12
LATTICE = 9  # random values along each side of the noise
NOISE, STRIPES, CHEQUER, GRADIENT = range(4)


@inner
def texture(stream, image, course, palette):
    """Fill an image (S, S, 3) with smooth noise, stripes, a chequer or a gradient, a quarter of the images each."""
    size = image.shape[0]
    kind = integer(stream, 0, 4)
    colours = _near_colours(stream, course, palette)
    angle, phase = uniform(stream, 0.0, 2.0 * math.pi), uniform(stream, 0.0, 1.0)
    sharpness = uniform(stream, 0.6, 4.0)
    # In periods a pixel; a gradient is less than one period over the whole image.
    rate = 1.0 / size if kind == GRADIENT else 1.0 / (size * uniform(stream, 0.08, 0.35))
    along, across = rate * math.cos(angle), rate * math.sin(angle)
    lattice = np.empty((LATTICE, LATTICE))
    if kind == NOISE:
        for row in range(LATTICE):
            for column in range(LATTICE):
                lattice[row, column] = uniform(stream, 0.0, 1.0)
    for row in range(size):
        for column in range(size):
            x, y = along * column + across * row + phase, along * row - across * column + phase
            if kind == NOISE:
                share = _noise(lattice, column / size, row / size)
            elif kind == STRIPES:
                share = 0.5 + sharpness * _wave(x)
            elif kind == CHEQUER:
                share = 0.5 + 4.0 * sharpness * _wave(x) * _wave(y)
            else:
                share = abs(2.0 * (x - math.floor(x)) - 1.0)
            part = np.floor(FULL * min(1.0, max(0.0, share)) + 0.5)
            for channel in range(3):
                mixed = (FULL - part) * colours[0, channel] + part * colours[1, channel]
                image[row, column, channel] = int(mixed / FULL + 0.5)


@inner
def _near_colours(stream, course, palette):
    """Draw two colours a little way from the figure's, each towards one that is far from it.

    They lie on the same side of the figure's, so that no mixture of them comes near it.
    """
    own, colours = palette[0], np.empty((2, 3))
    found = 0
    towards = contrasting(stream, NEAR_TRIES, course, palette)
    for index in range(NEAR_TRIES):
        far, squared = towards[index], 0.0
        for channel in range(3):
            squared += (far[channel] - own[channel]) ** 2
        part = uniform(stream, NEAREST, FARTHEST) / math.sqrt(squared)
        if found < 2:
            same_side = 0.0
            for channel in range(3):
                colours[found, channel] = math.floor(own[channel] + part * (far[channel] - own[channel]) + 0.5)
                same_side += (colours[0, channel] - own[channel]) * (colours[found, channel] - own[channel])
            if same_side >= 0.0 and distance(colours[found], palette) >= NEAREST - 1.0:
                found += 1
    # A shaded or coloured figure leaves little room; white is far from all of them.
    for channel in range(3):
        if found == 0:
            colours[0, channel] = WHITE
        if found < 2:
            colours[1, channel] = colours[0, channel]
    return colours


@inner
def _wave(x):
    """Return a triangle wave of period 1, from -0.5 to 0.5."""
    return abs(2.0 * (x - math.floor(x)) - 1.0) - 0.5


@inner
def _noise(lattice, x, y):
    """Return a value between the lattice's, x and y being 0 to 1: two octaves, smooth at the lattice points."""
    share, weight, scale = 0.0, 2.0 / 3.0, (LATTICE - 1) / 2
    for _ in range(2):
        column, row = int(scale * x), int(scale * y)
        across, down = scale * x - column, scale * y - row
        across, down = across * across * (3.0 - 2.0 * across), down * down * (3.0 - 2.0 * down)
        above = lattice[row, column] * (1.0 - across) + lattice[row, column + 1] * across
        below = lattice[row + 1, column] * (1.0 - across) + lattice[row + 1, column + 1] * across
        share += weight * (above * (1.0 - down) + below * down)
        weight, scale = weight / 2.0, scale * 2.0
    return 1.6 * (share - 0.5) + 0.5
