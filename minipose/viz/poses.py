"""Images with the poses in them: one picture of a prediction, or a sheet of samples."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from minipose.checks import check_flag, check_integer
from minipose.pose import STICK_FIGURE, Skeleton
from minipose.viz.canvas import add_panel, add_text, check_png, new_figure, save_png
from minipose.viz.overlays import (
    BASELINE,
    DOT_SIZE,
    GAP,
    LINE_WIDTH,
    MARGIN,
    PANEL,
    TEXT_LINE,
    add_legend,
    checked_images,
    checked_points,
    checked_visible,
    draw_skeleton,
    panel_size,
    show_image,
)

OF_PEOPLE = ("#D55E00", "#56B4E9", "#F0E442", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito's too
SMALLEST_PANEL, LARGEST_PANEL, LEGEND = 64, 4096, 420  # in screen pixels


def pose_sheet(
    images: Sequence[np.ndarray],
    people: Sequence[np.ndarray],
    path: str | os.PathLike,
    visible: Sequence[np.ndarray] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    panel: int = 256,
    skeleton: Skeleton = STICK_FIGURE,
    by_person: bool = False,
) -> None:
    """Write a sheet of images, each with the poses of all people in it.

    Parameters
    ----------
    images : sequence of N uint8 arrays (H, W, 3)
        Each of any size. It is scaled to fit a panel, by a whole number where it is smaller than that.
    people : sequence of N arrays (P, J, 2)
        Joints (x, y) in image pixels, of P people an image; none is allowed.
    path : path of the PNG file
        Written under a temporary name, then renamed.
    visible : sequence of N integer arrays (P, J), optional
        0: not drawn. 1: a hollow dot. 2: a filled one. Default: 2 for all.
    titles : N strings, optional
        Written above the images.
    columns : int
        Images side by side.
    panel : int
        Side of the square that each image gets, in screen pixels, from 64 to 4096.
    skeleton : Skeleton
        Its links, and which joints are right and left.
    by_person : bool
        Every person of an image has a colour of its own, the seventh again that of the first. Default False: the
        colours tell right from left.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, dtype or values.
    """
    check_png(path, "pose_sheet")
    check_flag("pose_sheet", "by_person", by_person)
    check_integer("pose_sheet", "columns", columns, 1)
    check_integer("pose_sheet", "panel", panel, SMALLEST_PANEL, LARGEST_PANEL)
    images = [checked_images(image, 3, "(H, W, 3)", "pose_sheet") for image in images]
    count, joints = len(images), len(skeleton.names)
    visible = [None] * count if visible is None else list(visible)
    for name, values in (("people", people), ("visible", visible), ("titles", titles)):
        if values is not None and len(values) != count:
            raise ValueError(f"pose_sheet: {name} must be one an image, N={count}, got {len(values)}")
    if not count:
        raise ValueError("pose_sheet: there is no image to draw")
    shape = "(P, J, 2)"
    people = [checked_points(p, (len(p), joints, 2), shape, "pose_sheet", "each of people") for p in people]
    visible = [checked_visible(v, p, "pose_sheet") for v, p in zip(visible, people, strict=True)]

    scale = 0.7 * math.sqrt(panel / PANEL)  # thinner than in `prediction_sheet`: there may be several people
    text = TEXT_LINE if titles is not None else 0
    columns = min(columns, count)
    sizes = [panel_size(image, panel) for image in images]
    height, width = (max(lengths) + GAP for lengths in zip(*sizes, strict=True))
    figure = new_figure(
        max(LEGEND, 2 * MARGIN + columns * width - GAP),
        2 * MARGIN + -(-count // columns) * (text + height) - GAP + TEXT_LINE,
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * width, MARGIN + row * (text + height)
        if titles is not None:
            add_text(figure, left, top + BASELINE, titles[index])
        panel_height, panel_width = sizes[index]
        axes = add_panel(figure, left, top + text, panel_width, panel_height)
        show_image(axes, image)
        for person, (points, flags) in enumerate(zip(people[index], visible[index], strict=True)):
            colour = OF_PEOPLE[person % len(OF_PEOPLE)] if by_person else None
            draw_skeleton(axes, points, flags, skeleton, scale * DOT_SIZE, scale * LINE_WIDTH, colour)
    if not by_person and any(len(p) for p in people):
        add_legend(figure, has_hidden=any((v == 1).any() for v in visible))
    save_png(figure, path)

