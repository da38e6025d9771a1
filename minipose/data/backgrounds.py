"""What lies behind the figure: discs, rectangles, and the scenery of an invented platform game.

All colours keep away from the figure's, so that in every image it can be told from what is behind it.
"""

from __future__ import annotations

import numpy as np

from minipose.data import render

COLOUR_DISTANCE = 120
TILES_PER_SIDE = 12
# Where the second colour lies on the two rows of a chequered ground.
CHEQUER_COLUMNS = np.concatenate([np.arange(0, TILES_PER_SIDE, 2), np.arange(1, TILES_PER_SIDE, 2)])
CHEQUER_ROWS = np.repeat([0, 1], TILES_PER_SIDE // 2)


def contrasting_colours(generator: np.random.Generator, count: int, figure_colour: np.ndarray) -> np.ndarray:
    """Draw `count` random colours that are at least `COLOUR_DISTANCE` from the figure's (0 to 255).

    A colour that is too near is exchanged for its complement, which is far from a strong colour.
    """
    colours = generator.uniform(0, 255, (count, 3))
    too_near = ((colours - figure_colour) ** 2).sum(axis=1) < COLOUR_DISTANCE**2
    colours[too_near] = 255 - colours[too_near]
    return colours


def clutter(
    generator: np.random.Generator, size: int, more_discs: float, more_rectangles: float, figure_colour: np.ndarray
) -> np.ndarray:
    """Discs as big as heads, then rectangles of any size.

    Parameters
    ----------
    generator : numpy.random.Generator
        Where the random numbers come from.
    size : int
        Side of the image, in pixels.
    more_discs, more_rectangles : float
        The probability p that one more is added, again and again: p / (1 - p) of them on average.
    figure_colour : array (3,)
        The colour to keep away from.

    Returns
    -------
    float64 array (n, 9)
        Shapes for `render.draw`.
    """
    disc_count, rectangle_count = generator.geometric((1 - more_discs, 1 - more_rectangles)) - 1
    colours = contrasting_colours(generator, disc_count + rectangle_count, figure_colour)
    centres = generator.uniform(-0.5, size - 0.5, (disc_count, 2))
    radii = generator.uniform(0.03 * size, 0.09 * size, disc_count)
    left, right = np.sort(generator.uniform(-0.5, size - 0.5, (2, rectangle_count)), axis=0)
    top, bottom = np.sort(generator.uniform(-0.5, size - 0.5, (2, rectangle_count)), axis=0)
    return np.concatenate(
        [
            render.discs(centres, radii, colours[:disc_count]),
            render.rectangles(left, top, right, bottom, colours[disc_count:]),
        ]
    )


def platform(generator: np.random.Generator, size: int, figure_colour: np.ndarray) -> np.ndarray:
    """The scenery of an invented platform game, which fills the whole image.

    From back to front: a sky, clouds, hills, columns with caps, a chequered ground, runs of bricks, and in half
    of the images a ladder. All places and colours are random. Parameters and result are as in `clutter`.
    """
    tile = size / TILES_PER_SIDE
    colours = contrasting_colours(generator, 13, figure_colour)
    ground_top = size - 0.5 - tile * generator.integers(1, 3)
    return np.concatenate(
        [
            _sky(size, colours[0:2]),
            _clouds(generator, size, colours[2]),
            _hills(generator, size, colours[3:6]),
            _columns(generator, size, tile, ground_top, colours[6:8]),
            _ground(size, tile, ground_top, colours[8:10]),
            _bricks(generator, size, tile, ground_top, colours[10:12]),
            _ladder(generator, size, tile, ground_top, colours[12]),
        ]
    )


def _sky(size: int, colours: np.ndarray) -> np.ndarray:
    rows = np.arange(size)
    gradient = colours[0] + (colours[1] - colours[0]) * (rows / size)[:, None]
    return render.rectangles(-0.5, rows - 0.5, size - 0.5, rows + 0.5, gradient)


def _clouds(generator: np.random.Generator, size: int, colour: np.ndarray) -> np.ndarray:
    count = generator.integers(0, 4)
    centres = size * generator.random((count, 1, 2)) * (1, 0.4)
    puffs = centres + size * np.array([[-0.06, 0.01], [0.0, -0.02], [0.06, 0.01]])
    radii = generator.uniform(0.03 * size, 0.06 * size, 3 * count)
    return render.discs(puffs.reshape(-1, 2), radii, colour)


def _hills(generator: np.random.Generator, size: int, colours: np.ndarray) -> np.ndarray:
    shape = (generator.integers(1, 4), 1)
    crest_x = generator.uniform(0, size, shape)
    # The farthest first, which is the highest in the image.
    crest_y = np.sort(generator.uniform(0.35 * size, 0.75 * size, shape), axis=0)
    wavelength = generator.uniform(0.4 * size, 1.2 * size, shape)
    amplitude = generator.uniform(0.04 * size, 0.15 * size, shape)
    x = np.arange(size)
    top = crest_y + amplitude * (1 - np.cos(2 * np.pi * (x - crest_x) / wavelength))
    left = np.tile(x, len(top)) - 0.5
    return render.rectangles(left, top.reshape(-1), left + 1, size - 0.5, colours[: len(top)].repeat(size, axis=0))


def _columns(
    generator: np.random.Generator, size: int, tile: float, ground_top: float, colours: np.ndarray
) -> np.ndarray:
    count = generator.integers(0, 3)
    left = generator.uniform(0, size - 2 * tile, count)
    top = ground_top - generator.uniform(tile, 4 * tile, count)
    shafts = render.rectangles(left, top, left + 1.6 * tile, ground_top, colours[0])
    caps = render.rectangles(left - 0.2 * tile, top, left + 1.8 * tile, top + 0.6 * tile, colours[1])
    return np.concatenate([shafts, caps])


def _ground(size: int, tile: float, ground_top: float, colours: np.ndarray) -> np.ndarray:
    left, top = -0.5 + tile * CHEQUER_COLUMNS, ground_top + tile * CHEQUER_ROWS
    floor = render.rectangles(-0.5, ground_top, size - 0.5, size - 0.5, colours[0])
    return np.concatenate([floor, render.rectangles(left, top, left + tile, top + tile, colours[1])])


def _bricks(
    generator: np.random.Generator, size: int, tile: float, ground_top: float, colours: np.ndarray
) -> np.ndarray:
    lengths = generator.integers(2, 6, generator.integers(2, 7))
    # Brick k of a run stands k tiles to the right of its start.
    position = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
    left = np.repeat(generator.uniform(-tile, size - tile, len(lengths)), lengths) + tile * position
    top = np.repeat(generator.uniform(0, ground_top - 2 * tile, len(lengths)), lengths)
    joint = 0.12 * tile
    mortar = render.rectangles(left - joint, top - joint, left + tile, top + tile, colours[0] / 4)
    bricks = render.rectangles(left, top, left + tile - joint, top + tile - joint, colours[1])
    return np.concatenate([mortar, bricks])


def _ladder(
    generator: np.random.Generator, size: int, tile: float, ground_top: float, colour: np.ndarray
) -> np.ndarray:
    if generator.random() < 0.5:
        return np.empty((0, render.COLUMNS))
    left = generator.uniform(tile, size - 2 * tile)
    rungs = ground_top - tile / 2 * np.arange(0.5, generator.integers(4, 11))
    width, top = 0.16 * tile, rungs[-1] - 0.08 * tile
    return np.concatenate(
        [
            render.rectangles(left, rungs - width / 2, left + tile, rungs + width / 2, colour),
            render.rectangles(left, top, left + width, ground_top, colour),
            render.rectangles(left + tile - width, top, left + tile, ground_top, colour),
        ]
    )
