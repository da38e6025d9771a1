"""The length of a true pose that its errors are measured in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import as_array, check_choice
from minipose.pose.metrics.checks import check_skeleton, checked_flags, checked_poses
from minipose.pose.skeleton import STICK_FIGURE, Skeleton

UNITS = ("bbox", "diagonal", "head", "torso")


def unit_lengths(
    true: np.ndarray, visible: np.ndarray, unit: str | Sequence[float] | np.ndarray, skeleton: Skeleton = STICK_FIGURE
) -> np.ndarray:
    """Return the length of each true pose that normalised errors are measured in.

    Parameters
    ----------
    true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled.
    unit : {"bbox", "diagonal", "head", "torso"} or array (N,)
        The longer side, or the diagonal, of the box around the labelled joints; the distance between the two head
        joints (MPII, which has head boxes, takes 0.6 of their diagonal); the distance from the left shoulder to the
        right hip (Sapp and Taskar 2013); or lengths in pixels that are known from elsewhere.
    skeleton : Skeleton
        Names the joints of head and torso.

    Returns
    -------
    float64 array (N,)
        Pixels. NaN where a pose has no such length: an end of it is unlabelled, or both are the same point.

    Raises
    ------
    ValueError
        If `unit` is none of these, or the skeleton has no such joints.
    """
    true = checked_poses("unit_lengths", "true points", true)
    labelled = checked_flags("unit_lengths", visible, true) > 0
    if not isinstance(unit, str):
        lengths = as_array("unit_lengths", "unit", unit).astype(np.float64)
        if lengths.shape != true.shape[:1]:
            raise ValueError(
                f"unit_lengths: unit must hold a length for each of {len(true)} poses, got {lengths.shape}"
            )
        return np.where(np.isfinite(lengths) & (lengths > 0), lengths, np.nan)
    check_choice("unit_lengths", "unit", unit, UNITS)
    if unit in ("head", "torso"):
        check_skeleton("unit_lengths", skeleton, true.shape[1])
        first, second = skeleton.head if unit == "head" else _torso(skeleton)
        lengths = np.linalg.norm(true[:, first] - true[:, second], axis=-1)
        exists = labelled[:, first] & labelled[:, second]
    else:
        sides = box_sides(true, labelled)
        lengths = sides.max(axis=1) if unit == "bbox" else np.hypot(sides[:, 0], sides[:, 1])
        exists = labelled.any(axis=1)
    return np.where(exists & (lengths > 0), lengths, np.nan)


def box_sides(points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return width and height (N, 2) of the boxes around the labelled joints of points (N, J, 2); 0 where is none."""
    low = np.where(labelled[..., None], points, np.inf).min(axis=1)
    high = np.where(labelled[..., None], points, -np.inf).max(axis=1)
    return np.where(labelled.any(axis=1)[:, None], high - np.where(np.isfinite(low), low, 0), 0)


def lengths_of(
    caller: str, true: np.ndarray, visible: np.ndarray, scored: np.ndarray, unit: str | np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    """Return `unit_lengths` (N, 1) for a metric, which needs one wherever a joint is scored."""
    lengths = unit_lengths(true, visible, unit, skeleton)
    missing = np.isnan(lengths) & scored.any(axis=1)
    if missing.any():
        name = {"bbox": "box", "diagonal": "box"}.get(unit, unit) if isinstance(unit, str) else "unit"
        need = "two labelled joints apart from each other" if name == "box" else "a finite, positive length"
        if name in ("head", "torso"):
            first, second = skeleton.head if name == "head" else _torso(skeleton)
            need = f"joints {first} and {second} labelled and apart"
        raise ValueError(f"{caller}: pose {int(missing.argmax())} has no {name} length, which needs {need}")
    return np.where(np.isnan(lengths), 1, lengths)[:, None]


def _torso(skeleton: Skeleton) -> tuple[int, int]:
    try:
        return skeleton.names.index("left_shoulder"), skeleton.names.index("right_hip")
    except ValueError:
        raise ValueError(
            f"unit_lengths: a torso needs the joints left_shoulder and right_hip, but there are {skeleton.names}"
        ) from None
