"""From keypoints to heatmaps and back.

This file alone knows how the pixels of a heatmap lie over those of the image. A cell of a stride-s map
covers s x s pixels, and its centre is theirs: cell j lies at the image coordinate s*j + (s-1)/2.
"""

from __future__ import annotations

import numpy as np

from minipose.checks import TOO_FAR, as_array, check_flag, check_integer, check_memory, check_number


def image_to_map(points: np.ndarray, stride: int) -> np.ndarray:
    """Convert keypoints from image pixels to the cells of a heatmap.

    Parameters
    ----------
    points : array (..., 2)
        Positions (x, y) in image pixels.
    stride : int
        Image pixels per cell.

    Returns
    -------
    array (..., 2)
        Positions (x, y) in cells, real-valued: (points - (stride-1)/2) / stride.
    """
    points = _checked_points(points, stride, "image_to_map")
    return (points - (stride - 1) / 2) / stride


def map_to_image(points: np.ndarray, stride: int) -> np.ndarray:
    """Convert keypoints from the cells of a heatmap to image pixels, the inverse of `image_to_map`.

    Parameters
    ----------
    points : array (..., 2)
        Positions (x, y) in cells.
    stride : int
        Image pixels per cell.

    Returns
    -------
    array (..., 2)
        Positions (x, y) in image pixels: stride * points + (stride-1)/2.
    """
    points = _checked_points(points, stride, "map_to_image")
    return points * stride + (stride - 1) / 2


def encode_heatmaps(points: np.ndarray, map_size: tuple[int, int], stride: int, sigma: float = 1.5) -> np.ndarray:
    """Draw a Gaussian of height 1 around each keypoint, one heatmap per joint.

    The centre stays real-valued. Rounding it to a cell would lose up to half a cell, which no decoder
    could find again (Zhang et al. 2020, "Coordinate Encoding").

    Parameters
    ----------
    points : array (N, J, 2)
        Keypoints (x, y) in image pixels. Those outside the image leave the tail of their Gaussian, or nothing.
    map_size : (int, int)
        Height and width of the maps, in cells.
    stride : int
        Image pixels per cell.
    sigma : float
        Standard deviation of the Gaussian, in cells.

    Returns
    -------
    float32 array (N, J, h, w)
        Indexed [row = y, column = x], and channels-last in memory, as the output of a network is.

    Raises
    ------
    ValueError
        If `points` is not (N, J, 2) or not finite, or a size is not positive.
    """
    points = as_array("encode_heatmaps", "points", points).astype(np.float64)
    if points.ndim != 3:
        raise ValueError(f"encode_heatmaps: points must have shape (N, J, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("encode_heatmaps: points hold NaN or infinity; give unlabelled joints a finite position")
    if not isinstance(map_size, (tuple, list)) or len(map_size) != 2:
        raise ValueError(f"encode_heatmaps: map_size must be (height, width), got {map_size!r}")
    for length in map_size:
        check_integer("encode_heatmaps", "each of map_size", length, 1)
    check_memory("encode_heatmaps", "result", (*points.shape[:2], *map_size))
    _check_sigma(sigma, "encode_heatmaps")
    _check_stride(stride, "encode_heatmaps")
    height, width = map_size
    centres = image_to_map(points, stride)
    # A Gaussian of x and y is the product of one of x and one of y: h + w exponentials instead of h * w.
    rows = _gaussian(np.arange(height)[:, None] - centres[:, None, :, 1], sigma)
    columns = _gaussian(np.arange(width)[:, None] - centres[:, None, :, 0], sigma)
    return (rows[:, :, None, :] * columns[:, None, :, :]).transpose(0, 3, 1, 2)


def decode_argmax(maps: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the highest cell of each heatmap.

    The answer is off by 0.38 cells on average even for perfect maps, since it can only be a cell's centre.

    Parameters
    ----------
    maps : array (N, J, h, w)
        Heatmaps, indexed [row = y, column = x].
    stride : int
        Image pixels per cell.

    Returns
    -------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in image pixels.
    scores : array (N, J)
        The height of each peak. A map that is flat has no peak, and its point is the first cell: a score
        that is not clearly above the other values (above 0 for maps that were trained on `encode_heatmaps`)
        says that the point means nothing.

    Raises
    ------
    ValueError
        If `maps` is not (N, J, h, w), is empty, or holds NaN or infinity.
    """
    _check_stride(stride, "decode_argmax")
    maps = _checked_maps(maps, "decode_argmax")
    cells, scores = _peaks(maps)
    return map_to_image(cells.astype(np.float32), stride), scores


def decode_dark(maps: np.ndarray, stride: int, sigma: float = 1.5, blur: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Find the peak of each heatmap to a fraction of a cell.

    Distribution-aware decoding (Zhang, Zhu, Dai, Ye, Zhu, "Distribution-Aware Coordinate Representation for
    Human Pose Estimation", CVPR 2020, "Coordinate Decoding"): the logarithm of a Gaussian is a parabola, so one
    Newton step from the highest cell, with derivatives taken as differences, lands on its centre. A blur with
    the Gaussian of the targets takes out the noise first. Near a border the blur is cut on both sides alike,
    for a lopsided one would pull the peak inwards.

    Parameters
    ----------
    maps : array (N, J, h, w)
        Heatmaps, indexed [row = y, column = x], at least 3 x 3 cells.
    stride : int
        Image pixels per cell.
    sigma : float
        Standard deviation of the blur in cells, best that of the targets.
    blur : bool
        False skips the blur: exact on perfect maps, three times worse on noisy ones.

    Returns
    -------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in image pixels, at most one cell from the highest cell in x and in y. Where the map
        does not curve like a peak, or its score is not positive, the highest cell itself.
    scores : array (N, J)
        The height of the highest cell, as in `decode_argmax`.

    Raises
    ------
    ValueError
        If `maps` is not (N, J, h, w) with h, w >= 3, is empty, or holds NaN or infinity.
    """
    _check_stride(stride, "decode_dark")
    maps = _checked_maps(maps, "decode_dark")
    _check_sigma(sigma, "decode_dark")
    check_flag("decode_dark", "blur", blur)
    height, width = maps.shape[2:]
    if min(height, width) < 3:
        raise ValueError(f"decode_dark: maps must have at least 3 x 3 cells, got {height} x {width}")
    cells, scores = _peaks(maps)
    # The differences need both neighbours, so at a border they are taken one cell further inside.
    centres = np.clip(cells, 1, np.array([width, height]) - 2)
    columns = _neighbourhood_weights(centres[..., 0], width, sigma, blur)
    rows = _neighbourhood_weights(centres[..., 1], height, sigma, blur)
    patches = rows @ maps @ columns.swapaxes(2, 3)
    steps, is_peak = _newton_steps(patches)
    refined = np.clip(centres + steps, cells - 1, cells + 1)
    points = np.where((is_peak & (scores > 0))[..., None], refined, cells)
    return map_to_image(points.astype(np.float32), stride), scores


def _newton_steps(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps (N, J, 2) from the middle of 3 x 3 patches to the tops of the Gaussians through them.

    Also tells which patches (N, J) have a top at all. The steps of the others mean nothing.
    """
    middle = patches[..., 1:2, 1:2]
    is_positive = middle > np.finfo(np.float32).tiny
    curve = np.log(np.maximum(patches / np.where(is_positive, middle, 1), 1e-10))
    gradient_x = (curve[..., 1, 2] - curve[..., 1, 0]) / 2
    gradient_y = (curve[..., 2, 1] - curve[..., 0, 1]) / 2
    hessian_xx = curve[..., 1, 2] - 2 * curve[..., 1, 1] + curve[..., 1, 0]
    hessian_yy = curve[..., 2, 1] - 2 * curve[..., 1, 1] + curve[..., 0, 1]
    hessian_xy = (curve[..., 2, 2] - curve[..., 2, 0] - curve[..., 0, 2] + curve[..., 0, 0]) / 4
    determinant = hessian_xx * hessian_yy - hessian_xy**2
    is_peak = is_positive[..., 0, 0] & (determinant > 1e-9) & (hessian_xx < 0)
    determinant = np.where(is_peak, determinant, 1)
    step_x = (hessian_xy * gradient_y - hessian_yy * gradient_x) / determinant
    step_y = (hessian_xy * gradient_x - hessian_xx * gradient_y) / determinant
    return np.stack([step_x, step_y], axis=-1), is_peak


def _neighbourhood_weights(centres: np.ndarray, length: int, sigma: float, blur: bool) -> np.ndarray:
    """Weights (N, J, 3, length) that blur one axis of a map, at each centre and the cells beside it.

    Only three rows and three columns of the blurred map are ever used, so no more of them are computed.
    """
    radius = np.minimum(centres - 1, length - 2 - centres) if blur else np.zeros_like(centres)
    positions = centres[..., None] + np.array([-1, 0, 1])
    distance = np.arange(length) - positions[..., None]
    return _gaussian(distance, sigma) * (np.abs(distance) <= radius[..., None, None])


def _gaussian(distance: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-(distance**2) / (2 * sigma**2)).astype(np.float32)


def _peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Highest cell (x, y) of each map, and its value."""
    flat = maps.reshape(*maps.shape[:2], -1)
    highest = flat.argmax(axis=2)
    rows, columns = np.divmod(highest, maps.shape[3])
    return np.stack([columns, rows], axis=-1), np.take_along_axis(flat, highest[..., None], axis=2)[..., 0]


def _checked_points(points: np.ndarray, stride: int, caller: str) -> np.ndarray:
    points = as_array(caller, "points", points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"{caller}: the last axis of points must be (x, y), got shape {points.shape}")
    _check_stride(stride, caller)
    return points


def _check_stride(stride: int, caller: str) -> None:
    check_integer(caller, "stride", stride, 1)
    if stride >= TOO_FAR:
        raise ValueError(f"{caller}: stride must be less than 2**31 image pixels per cell, not {stride}")


def _checked_maps(maps: np.ndarray, caller: str) -> np.ndarray:
    maps = as_array(caller, "maps", maps)
    if maps.ndim != 4 or 0 in maps.shape:
        raise ValueError(f"{caller}: maps must have shape (N, J, h, w) and not be empty, got {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError(f"{caller}: maps hold NaN or infinity, so they have no highest cell")
    return maps


def _check_sigma(sigma: float, caller: str) -> None:
    check_number(caller, "sigma", sigma, 0.01, 1e6)
