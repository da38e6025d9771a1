"""Distribution-aware decoding of heatmaps: the peak to a fraction of a cell."""

from __future__ import annotations

import numpy as np

from minipose.checks import check_flag
from minipose.pose.codecs.checks import check_sigma
from minipose.pose.codecs.grid import check_stride, map_to_image
from minipose.pose.codecs.peaks import checked_maps, gaussian, highest_cells


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
    check_stride("decode_dark", stride)
    maps = checked_maps("decode_dark", maps)
    check_sigma("decode_dark", sigma)
    check_flag("decode_dark", "blur", blur)
    height, width = maps.shape[2:]
    if min(height, width) < 3:
        raise ValueError(f"decode_dark: maps must have at least 3 x 3 cells, got {height} x {width}")
    cells, scores = highest_cells(maps)
    points, is_peak = refine_peaks(maps, cells, sigma, blur)
    points = np.where((is_peak & (scores > 0))[..., None], points, cells)
    return map_to_image(points.astype(np.float32), stride), scores


def refine_peaks(maps: np.ndarray, cells: np.ndarray, sigma: float, blur: bool) -> tuple[np.ndarray, np.ndarray]:
    """Take the step of `decode_dark` from one cell (x, y) of each map.

    Parameters
    ----------
    maps : array (N, J, h, w), of at least 3 x 3 cells
    cells : integer array (N, J, 2)
    sigma, blur : as for `decode_dark`

    Returns
    -------
    points : array (N, J, 2)
        In cells, at most one from `cells` in x and in y.
    is_peak : bool array (N, J)
        Whether the map curves like a peak there; the points of the others mean nothing.
    """
    height, width = maps.shape[2:]
    # The differences need both neighbours, so at a border they are taken one cell further inside.
    centres = np.clip(cells, 1, np.array([width, height]) - 2)
    columns = _neighbourhood_weights(centres[..., 0], width, sigma, blur)
    rows = _neighbourhood_weights(centres[..., 1], height, sigma, blur)
    patches = rows @ maps @ columns.swapaxes(2, 3)
    steps, is_peak = _newton_steps(patches)
    return np.clip(centres + steps, cells - 1, cells + 1), is_peak


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
    return gaussian(distance, sigma) * (np.abs(distance) <= radius[..., None, None])
