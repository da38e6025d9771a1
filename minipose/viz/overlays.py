"""Skeletons and heatmaps over their images.

A picture that lies costs more than none, so the place of each thing follows from one rule: the centre of
the image's first pixel is (0, 0), x goes to the right, y goes down. Bad input is refused, never drawn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from minipose.pose import STICK_FIGURE, Skeleton, epe, map_to_image
from minipose.pose.affine import is_inside
from minipose.viz.canvas import add_panel, add_text, check_png, new_figure, save_png

# From the palette of Okabe and Ito (2008), which people with any kind of colour vision can tell apart.
RIGHT, LEFT, CENTRE = "#D55E00", "#56B4E9", "#F0E442"
OUTLINE = "black"
DOT_SIZE, LINE_WIDTH, OUTLINE_WIDTH = 5.5, 1.7, 0.7  # in points
PANEL, SMALLEST_SLOT, GAP, MARGIN = 256, 240, 10, 28  # in screen pixels
TEXT_LINE, BASELINE = 22, 15  # the height of a line of text, and how far down the letters stand, in screen pixels
HEAT = colormaps["inferno"]
LOWEST_HEAT = 0.5  # the darker half of the colours would not be seen on a dark image


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Show an image so that the centre of its first pixel is at (0, 0), and nothing but the image.

    The axes then span -0.5 to W-0.5 and, downwards, -0.5 to H-0.5, and keep to that whatever is drawn on them.

    Parameters
    ----------
    axes : matplotlib Axes
    image : uint8 array (H, W, 3)

    Raises
    ------
    ValueError
        If `image` is not a uint8 array (H, W, 3), or is empty.
    """
    image = checked_images(image, 3, "(H, W, 3)", "show_image")
    height, width = image.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(image, extent=extent, origin="upper", interpolation="nearest", aspect="equal")
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    axes.set_axis_off()


def draw_skeleton(
    axes: Axes,
    points: np.ndarray,
    visible: np.ndarray | None = None,
    skeleton: Skeleton = STICK_FIGURE,
    dot_size: float = DOT_SIZE,
    line_width: float = LINE_WIDTH,
    colour: str | None = None,
) -> None:
    """Draw a pose over an image: right limbs vermilion, left ones sky blue, the others yellow.

    Parameters
    ----------
    axes : matplotlib Axes
        With the image already on them, by `show_image`.
    points : array (J, 2)
        Joints (x, y) in image pixels. What lies outside the image is not seen.
    visible : integer array (J,), optional
        0: the joint and its limbs are not drawn. 1: a hollow dot. 2: a filled one. Default: 2 for all.
    skeleton : Skeleton
        Its links, and which joints are right and left.
    dot_size, line_width : float
        Diameter of a joint's dot and thickness of a limb, in points (1/72 inch).
    colour : str, optional
        One of matplotlib's, for all of this pose, to tell people apart.

    Raises
    ------
    ValueError
        If `points` or `visible` has the wrong shape, dtype or values, or the y axis points upwards, as it
        does before `show_image`, which would turn the pose upside down.
    """
    points = checked_points(points, (len(skeleton.names), 2), "(J, 2)", "draw_skeleton", "points")
    visible = checked_visible(visible, points, "draw_skeleton")
    if not axes.yaxis_inverted() or axes.xaxis_inverted():
        raise ValueError("draw_skeleton: axes must have x to the right and y downwards; call show_image first")
    outline = [withStroke(linewidth=line_width + 2 * OUTLINE_WIDTH, foreground=OUTLINE)]
    for link in skeleton.links:
        if all(visible[joint] for joint in link):
            ends = points[list(link)]
            axes.plot(
                ends[:, 0], ends[:, 1], linestyle="-", marker="", color=colour or _colour_of(link, skeleton),
                linewidth=line_width, solid_capstyle="round", path_effects=outline,
            )  # fmt: skip
    for joint in np.flatnonzero(visible):
        style = _dot_style(colour or _colour_of((joint,), skeleton), visible[joint] == 1, dot_size)
        axes.plot(*points[joint], **style)


def prediction_sheet(
    images: np.ndarray,
    true_points: np.ndarray,
    predicted_points: np.ndarray,
    path: str | os.PathLike,
    visible: np.ndarray | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 2,
) -> None:
    """Write a sheet of images, each twice: with the true pose on the left and the predicted one on the right.

    The line above each pair gives the mean distance between the two poses over the labelled joints, and how
    many predicted joints lie outside the image, where they cannot be drawn.

    Parameters
    ----------
    images : uint8 array (N, H, W, 3)
    true_points, predicted_points : array (N, 16, 2)
        Joints (x, y) in image pixels, in the order of `STICK_FIGURE`.
    path : path of the PNG file
        Written under a temporary name, then renamed.
    visible : integer array (N, 16), optional
        Of the true joints: 0 unlabelled, 1 hidden, 2 visible. Default: 2 for all. Predicted joints are all
        drawn, as visible ones.
    titles : N strings, optional
        What to call each image. Default: "image 0" and so on.
    columns : int
        Pairs side by side.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, dtype or values.
    """
    images = checked_images(images, 4, "(N, H, W, 3)", "prediction_sheet")
    count, height, width = images.shape[:3]
    shape = count, len(STICK_FIGURE.names), 2
    true_points = checked_points(true_points, shape, "(N, 16, 2)", "prediction_sheet", "true_points")
    predicted_points = checked_points(predicted_points, shape, "(N, 16, 2)", "prediction_sheet", "predicted_points")
    visible = checked_visible(visible, true_points, "prediction_sheet")
    titles = [f"image {index}" for index in range(count)] if titles is None else list(titles)
    if len(titles) != count:
        raise ValueError(f"prediction_sheet: titles must be one a image, N={count}, got {len(titles)}")
    if not isinstance(columns, int) or columns < 1:
        raise ValueError(f"prediction_sheet: columns must be an integer of at least 1, got {columns}")
    check_png(path, "prediction_sheet")

    panel_height, panel_width = panel_size(images[0])
    slot = max(panel_width, SMALLEST_SLOT)
    pair_width, pair_height = 2 * slot + GAP, 2 * TEXT_LINE + panel_height
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(
        columns * (pair_width + MARGIN) + MARGIN, rows * (pair_height + MARGIN) + 2 * MARGIN + TEXT_LINE
    )
    for index, (image, true, predicted) in enumerate(zip(images, true_points, predicted_points, strict=True)):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * (pair_width + MARGIN), MARGIN + row * (pair_height + MARGIN)
        caption = f"{titles[index]}: {_caption(true, predicted, visible[index], (height, width))}"
        add_text(figure, left, top + BASELINE, caption, weight="bold")
        for name, points, flags in (("true", true, visible[index]), ("predicted", predicted, None)):
            add_text(figure, left, top + TEXT_LINE + BASELINE, name)
            axes = add_panel(figure, left, top + 2 * TEXT_LINE, panel_width, panel_height)
            show_image(axes, image)
            draw_skeleton(axes, points, flags)
            left += slot + GAP
    add_legend(figure, has_hidden=bool((visible == 1).any()))
    save_png(figure, path)


def heatmap_sheet(
    image: np.ndarray, maps: np.ndarray, path: str | os.PathLike, stride: int, points: np.ndarray | None = None
) -> None:
    """Write the 16 heatmaps of an image, each over a grey copy of it, with the joint's name and the map's peak.

    One scale of colours serves all 16 maps, so that a weak map looks weak: from 0 or less, which is
    transparent, to the highest peak of all.

    Parameters
    ----------
    image : uint8 array (H, W, 3)
    maps : array (16, h, w)
        Heatmaps indexed [row = y, column = x], in the order of `STICK_FIGURE`.
    path : path of the PNG file
        Written under a temporary name, then renamed.
    stride : int
        Image pixels per cell of the maps.
    points : array (16, 2), optional
        True joints (x, y) in image pixels, drawn as crosses.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, dtype or values, or maps of this stride cannot be the image's.
    """
    image = checked_images(image, 3, "(H, W, 3)", "heatmap_sheet")
    maps = _checked_maps(maps, image.shape[:2], stride)
    joints = len(STICK_FIGURE.names)
    if points is not None:
        points = checked_points(points, (joints, 2), "(16, 2)", "heatmap_sheet", "points")
    check_png(path, "heatmap_sheet")

    panel_height, panel_width = panel_size(image)
    slot_width, slot_height = max(panel_width, SMALLEST_SLOT) + GAP, TEXT_LINE + panel_height + GAP
    columns = 4
    figure = new_figure(
        2 * MARGIN + columns * slot_width - GAP, 2 * MARGIN + joints // columns * slot_height + TEXT_LINE
    )
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    highest = float(maps.max())
    for joint, name in enumerate(STICK_FIGURE.names):
        row, column = divmod(joint, columns)
        left, top = MARGIN + column * slot_width, MARGIN + row * slot_height
        add_text(figure, left, top + BASELINE, f"{name.replace('_', ' ')}, peak {maps[joint].max():.3g}")
        axes = add_panel(figure, left, top + TEXT_LINE, panel_width, panel_height)
        show_image(axes, grey)
        _show_heatmap(axes, maps[joint], stride, highest)
        if points is not None:
            outline = [withStroke(linewidth=3, foreground=OUTLINE)]
            axes.plot(*points[joint], linestyle="", marker="+", markersize=9, markeredgewidth=1.4,
                      markeredgecolor="white", path_effects=outline)  # fmt: skip
    note = f"All maps: transparent at 0, yellow at {highest:.3g}." if highest > 0 else "No map is above 0 anywhere."
    note += " Cross: true joint." if points is not None else ""
    add_text(figure, MARGIN, MARGIN + joints // columns * slot_height + BASELINE, note)
    save_png(figure, path)


def _show_heatmap(axes: Axes, heatmap: np.ndarray, stride: int, highest: float) -> None:
    height, width = heatmap.shape
    corners = map_to_image(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]), stride)
    (left, top), (right, bottom) = corners
    heat = np.clip(heatmap / highest, 0, 1) if highest > 0 else np.zeros_like(heatmap)
    colours = HEAT(LOWEST_HEAT + (1 - LOWEST_HEAT) * heat)
    # The root brings out weak heat, such as a second, wrong peak.
    colours[..., 3] = 0.9 * np.sqrt(heat)
    axes.imshow(colours, extent=(left, right, bottom, top), origin="upper", interpolation="nearest", aspect="equal")


def panel_size(image: np.ndarray, panel: int = PANEL) -> tuple[int, int]:
    """Return screen pixels, downwards and across, for an image: a whole number for each pixel of a small one."""
    scale = panel / max(image.shape[:2])
    scale = int(scale) if scale >= 1 else scale
    return max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))


def _colour_of(joints: Sequence[int], skeleton: Skeleton) -> str:
    if any(joint in skeleton.right for joint in joints):
        return RIGHT
    return LEFT if any(joint in skeleton.left for joint in joints) else CENTRE


def _dot_style(colour: str, is_hidden: bool, dot_size: float) -> dict[str, object]:
    """Line2D properties of one joint: a disc of its colour, or a ring of its colour around white."""
    ring = dot_size / 5
    # The outline is an effect, not the marker's edge, because plain markers are moved to whole screen pixels.
    return {
        "linestyle": "",
        "marker": "o",
        "markersize": dot_size - ring,
        "markerfacecolor": "white" if is_hidden else colour,
        "markeredgecolor": colour,
        "markeredgewidth": ring,
        "path_effects": [withStroke(linewidth=ring + 2 * OUTLINE_WIDTH, foreground=OUTLINE)],
    }


def add_legend(figure: Figure, has_hidden: bool) -> None:
    """Say below the panels what the colours mean, and the hollow dot where there is one."""
    outline = [withStroke(linewidth=LINE_WIDTH + 2 * OUTLINE_WIDTH, foreground=OUTLINE)]
    entries = [
        Line2D([], [], color=colour, linewidth=LINE_WIDTH, path_effects=outline, label=label)
        for colour, label in ((RIGHT, "figure's right"), (LEFT, "figure's left"), (CENTRE, "centre"))
    ]
    if has_hidden:
        entries.append(Line2D([], [], label="hidden joint", **_dot_style(RIGHT, True, DOT_SIZE)))
    figure.legend(
        handles=entries, loc="lower center", ncols=len(entries), frameon=False, fontsize=8, handlelength=1.5,
        columnspacing=1.2, borderaxespad=0.3,
    )  # fmt: skip


def _caption(true: np.ndarray, predicted: np.ndarray, visible: np.ndarray, image_size: tuple[int, int]) -> str:
    if visible.any():
        caption = f"mean error {epe(predicted[None], true[None], visible[None]):.2f} px"
    else:
        caption = "no joint labelled"
    outside = int((~is_inside(predicted, image_size)).sum())
    return f"{caption}, {outside} predicted outside" if outside else caption


def checked_images(images: np.ndarray, ndim: int, letters: str, caller: str) -> np.ndarray:
    """Return uint8 images of `ndim` axes, or raise ValueError in the name of `caller`."""
    images = np.asarray(images)
    name = "image" if ndim == 3 else "images"
    if images.ndim != ndim or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(f"{caller}: {name} must have shape {letters} and not be empty, got {images.shape}")
    if images.dtype != np.uint8:
        raise ValueError(f"{caller}: {name} must be uint8, 0 to 255, got dtype {images.dtype}")
    return images


def checked_points(points: np.ndarray, shape: tuple[int, ...], letters: str, caller: str, name: str) -> np.ndarray:
    """Return points of `shape` as float64, all finite, or raise ValueError in the name of `caller`."""
    points = np.asarray(points)
    if points.shape != shape:
        raise ValueError(f"{caller}: {name} must have shape {letters} = {shape}, got {points.shape}")
    if points.dtype.kind not in "iuf":
        raise ValueError(f"{caller}: {name} must be real numbers, (x, y) in pixels, got dtype {points.dtype}")
    if not np.isfinite(points).all():
        raise ValueError(f"{caller}: {name} hold NaN or infinity; give unlabelled joints a finite position")
    return points.astype(np.float64)


def checked_visible(visible: np.ndarray | None, points: np.ndarray, caller: str) -> np.ndarray:
    """Return the flags 0, 1 and 2 of `points`, or raise ValueError in the name of `caller`."""
    shape = points.shape[:-1]
    if visible is None:
        return np.full(shape, 2, np.uint8)
    visible = np.asarray(visible)
    if visible.shape != shape:
        raise ValueError(f"{caller}: visible must have one flag a joint, shape {shape}, got {visible.shape}")
    # True would read as 1, which is a hidden joint.
    if visible.dtype.kind not in "iu" or not np.isin(visible, (0, 1, 2)).all():
        raise ValueError(
            f"{caller}: visible must hold the integers 0 (unlabelled), 1 (hidden) and 2 (visible), "
            f"got {np.unique(visible)[:5].tolist()} of dtype {visible.dtype}"
        )
    return visible


def _checked_maps(maps: np.ndarray, image_size: tuple[int, int], stride: int) -> np.ndarray:
    maps = np.asarray(maps)
    joints = len(STICK_FIGURE.names)
    if maps.ndim != 3 or len(maps) != joints or 0 in maps.shape:
        raise ValueError(f"heatmap_sheet: maps must have shape ({joints}, h, w), got {maps.shape}")
    if maps.dtype.kind != "f" or not np.isfinite(maps).all():
        raise ValueError(f"heatmap_sheet: maps must be finite floats, got dtype {maps.dtype} or NaN or infinity")
    if not stride >= 1:
        raise ValueError(f"heatmap_sheet: stride must be at least 1 image pixel per cell, got {stride}")
    # A size that the stride does not divide leaves a part of a cell, which a network may keep or drop.
    if any(abs(cells * stride - pixels) >= stride for cells, pixels in zip(maps.shape[1:], image_size, strict=True)):
        (height, width), (image_height, image_width) = maps.shape[1:], image_size
        raise ValueError(
            f"heatmap_sheet: maps have h={height} w={width}, which at stride {stride} is {height * stride} x "
            f"{width * stride} pixels, but the image has H={image_height} W={image_width}"
        )
    return maps
