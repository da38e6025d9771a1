"""The whole picture: what is behind the figure, the figure, what is in front of it, and which joints can be seen."""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.backgrounds import clutter, platform
from minipose.data.drawing.colours import fill_palette
from minipose.data.drawing.decoys import add_loose_parts, add_occluders, set_hidden
from minipose.data.drawing.figure import (
    AMONG_OTHERS,
    FREE,
    JOINT_LAYERS,
    LAYERS,
    LOWER_HALF,
    MIRROR,
    PLACE_FREE,
    SMALL,
    UPPER_HALF,
    WHOLE,
    add_figure,
    line_half_width,
    place,
    random_pose,
)
from minipose.data.drawing.numbers import inner, integer, uniform
from minipose.data.drawing.render import COLUMNS, paint_shapes
from minipose.data.drawing.textures import texture

PLAIN, CIRCLES, SHAPES, PLATFORM, TEXTURES, DECOYS, OCCLUDED, CROWD, SHIFT = range(9)
CLUTTER = np.array([[0.0, 0.0], [0.5, 0.0], [0.75, 0.5], [0.25, 0.25]])  # the chance of one more disc, rectangle
MOST_PEOPLE = 3
MOST_SHAPES = 256  # and four a pixel of the side, for skies and hills
GIVEN = 1
POSITIONS = 4  # of which a figure behind takes the one that is farthest from the others
COURSE_EDGE = 0.5 + 1e-6  # pixels beyond the image at which the course's stretch puts its outermost joints, rounded


def draw_scenes(images, people, visible, counts, facings, sets, numbers, normals, options, back_p):
    """Draw N samples, each from its own random numbers alone.

    Parameters
    ----------
    images : uint8 array (N, S, S, 3)
        What is painted on, black.
    people : float64 array (N, 3, 16, 2)
        Where the joints of the people are written, the first `counts` of them; before, the poses to draw, with NaN
        for joints that are missing, if they are given.
    visible : uint8 array (N, 3, 16)
        Where their flags are written.
    counts, facings : int64 arrays (N,), (N, 3)
        Where the numbers of people, and 1 for each that faces away from the viewer, are written.
    sets : int64 array (N,)
        Which of the nine sets each sample is of.
    numbers, normals : float64 arrays (N, K), (N, 3, 15)
        Uniform from 0 to 1, and of the normal distribution.
    options : tuple of 5 int
        The style (1 is the course's), the placement, the cue, whether the course's missing-limb rule holds, and
        whether the poses are given.
    back_p : float
        The chance that a figure faces away.
    """
    size, course = images.shape[1], options[0] == 1
    shapes = (np.empty((MOST_SHAPES + 4 * size, COLUMNS)), np.zeros(1, dtype=np.int64))
    taken, right_is_near = np.zeros(1, dtype=np.int64), np.empty(MOST_PEOPLE, dtype=np.bool_)
    palettes, pose, layers = np.empty((MOST_PEOPLE, 3, 3)), np.empty((16, 2)), np.empty(16, dtype=np.int64)
    for index in range(images.shape[0]):
        stream, image, kind, facing = (numbers[index], taken), images[index], sets[index], facings[index]
        taken[0] = 0
        # The figures first of all, and the main one first of them: it is the same whatever is around it.
        count = figures = 1
        hue = 0.0
        person = 0
        while person < figures:
            for joint in range(16):
                pose[joint, 0], pose[joint, 1] = people[index, person, joint, 0], people[index, person, joint, 1]
            right_is_near[person], facing[person] = _pose(stream, normals[index, person], pose, options, back_p)
            _place_apart(stream, pose, people[index], person, size, kind, options[1])
            if person == 0:
                hue = uniform(stream, 0.0, 1.0)
                count = integer(stream, 2, MOST_PEOPLE + 1) if kind == CROWD else 1
                figures = 2 if kind == DECOYS else count
            # Hues as far apart as they can be, but for a little.
            turn = person / count + uniform(stream, -0.08, 0.08) if person > 0 else 0.0
            fill_palette(stream, hue + turn, course, options[2], palettes[person])
            person += 1
        counts[index] = count
        _background(stream, shapes, image, kind, course, palettes[0])
        paint_shapes(image, shapes)
        _add_figures(
            stream, shapes, people[index], palettes, right_is_near, facing, count, figures, kind, size, options
        )  # fmt: skip
        for person in range(count - 1, -1, -1):
            for joint in range(16):
                role = joint if right_is_near[person] else MIRROR[joint]
                layers[joint] = JOINT_LAYERS[role] + LAYERS * (figures - 1 - person)
                visible[index, person, joint] = 2 if _is_inside(people[index, person, joint], size, course) else 0
            set_hidden(people[index, person], layers, line_half_width(size), shapes, visible[index, person])
        if kind == OCCLUDED:
            add_occluders(stream, shapes, size, people[index, 0], layers, visible[index, 0], course, palettes[0])
        paint_shapes(image, shapes)


@inner
def _add_figures(stream, shapes, people, palettes, right_is_near, facing, count, figures, set_index, size, options):
    """Append the shapes of the people, the main one last, and what looks like parts of them."""
    half_width = line_half_width(size)
    if set_index == DECOYS:
        add_loose_parts(stream, shapes, size, half_width, palettes[0])
    for person in range(figures - 1, -1, -1):
        half = WHOLE
        if person >= count:
            half = integer(stream, UPPER_HALF, LOWER_HALF + 1)
            if uniform(stream, 0.0, 1.0) < 0.5:
                continue
        add_figure(
            shapes, people[person], palettes[person % count], half_width, right_is_near[person],
            LAYERS * (figures - 1 - person), half, options, facing[person] == 0,
        )  # fmt: skip


@inner
def _pose(stream, normals, pose, options, back_p):
    """Take the pose that is given, or draw one; return whether its right is nearer, and 1 if it faces away."""
    if options[4] == GIVEN:
        across = 0.0
        for joint in (2, 12):
            width = pose[MIRROR[joint], 0] - pose[joint, 0]
            across += 0.0 if math.isnan(width) else width
        return uniform(stream, 0.0, 1.0) < 0.5, 1 if across < 0.0 else 0
    right_is_near = random_pose(stream, normals, pose)
    away = uniform(stream, 0.0, 1.0) < back_p
    if away:
        for joint in range(16):
            pose[joint, 0] = -pose[joint, 0]
    return right_is_near, 1 if away else 0


@inner
def _placement(set_index, placement):
    """Return the placement of the figure, and how large it is beside the largest, at least and at most."""
    if set_index == SHIFT:
        return placement, SMALL
    if placement != PLACE_FREE:
        return placement, (1.0, 1.0)
    return placement, AMONG_OTHERS if set_index == CROWD else FREE


@inner
def _place_apart(stream, pose, people, person, size, set_index, placement):
    """Put a figure into the image, and where there are others before it, far from their middles."""
    placement, scales = _placement(set_index, placement)
    if person > 0:
        placement, scales = PLACE_FREE, AMONG_OTHERS if set_index == CROWD else FREE
    points, farthest = np.empty((16, 2)), -1.0
    for _ in range(1 if person == 0 else POSITIONS):
        place(stream, pose, size, placement, scales, points)
        x, y = _middle(points)
        nearest = np.inf
        for other in range(person):
            other_x, other_y = _middle(people[other])
            nearest = min(nearest, math.hypot(x - other_x, y - other_y))
        if nearest > farthest:
            farthest = nearest
            for joint in range(16):
                people[person, joint, 0], people[person, joint, 1] = points[joint, 0], points[joint, 1]


@inner
def _middle(points):
    x, y, count = 0.0, 0.0, 0
    for joint in range(16):
        if not math.isnan(points[joint, 0]):
            x, y, count = x + points[joint, 0], y + points[joint, 1], count + 1
    return x / count, y / count


@inner
def _background(stream, shapes, image, set_index, course, palette):
    """Append what is behind the figure; a texture is painted at once."""
    if set_index == PLATFORM:
        platform(stream, shapes, image.shape[0], palette)
    if set_index == TEXTURES:
        texture(stream, image, course, palette)
    if CIRCLES <= set_index <= PLATFORM:
        chance = CLUTTER[set_index]
        clutter(stream, shapes, image.shape[0], chance[0], chance[1], course, palette)


@inner
def _is_inside(point, size, course):
    """Return whether the joint is there and in the image; NaN is nowhere."""
    last = size - 0.5 + (COURSE_EDGE if course else 0.0)
    return -0.5 <= point[0] <= last and -0.5 <= point[1] <= last
