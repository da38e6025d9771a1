"""What every metric asks of its arguments."""

from __future__ import annotations

import numpy as np

from minipose.checks import as_array, check_flag
from minipose.pose.skeleton import Skeleton


def checked_poses(caller: str, name: str, points: np.ndarray) -> np.ndarray:
    """Return points (N, J, 2) as float64, all finite, at least one."""
    points = as_array(caller, name, points).astype(np.float64)
    if points.ndim != 3 or points.shape[2] != 2 or 0 in points.shape:
        raise ValueError(f"{caller}: {name} must have shape (N, J, 2) and not be empty, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{caller}: {name} hold NaN or infinity; give unlabelled joints a finite position")
    return points


def checked_pair(caller: str, predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted and true points, of one shape."""
    predicted = checked_poses(caller, "predicted points", predicted)
    true = checked_poses(caller, "true points", true)
    if predicted.shape != true.shape:
        raise ValueError(f"{caller}: predicted points have shape {predicted.shape} but true points {true.shape}")
    return predicted, true


def checked_flags(caller: str, visible: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the flags (N, J) of points (N, J, 2), as they are."""
    visible = as_array(caller, "visible", visible)
    if visible.shape != true.shape[:2]:
        raise ValueError(f"{caller}: visible must have shape (N, J) = {true.shape[:2]}, got {visible.shape}")
    if visible.dtype.kind not in "biu":
        raise TypeError(f"{caller}: visible must be bool, or the flags 0, 1 and 2, got dtype {visible.dtype}")
    if not np.isin(visible, (0, 1, 2)).all():
        raise ValueError(f"{caller}: visible must hold the flags 0, 1 and 2 only")
    return visible


def scored_joints(caller: str, visible: np.ndarray, true: np.ndarray, only_visible: bool) -> np.ndarray:
    """Return which joints (N, J) count: the labelled ones, or of those the ones that are not hidden."""
    check_flag(caller, "only_visible", only_visible)
    visible = checked_flags(caller, visible, true)
    if only_visible and visible.dtype == bool:
        raise TypeError(f"{caller}: only_visible needs the flags 0, 1 and 2 in visible, which is bool")
    scored = visible == 2 if only_visible else visible > 0
    if not scored.any():
        what = "visible (2)" if only_visible else "labelled (visible is 0 everywhere)"
        raise ValueError(f"{caller}: no joint is {what}, so there is nothing to score")
    return scored


def check_skeleton(caller: str, skeleton: Skeleton, joints: int) -> None:
    """Raise unless `skeleton` is one, of so many joints."""
    if not isinstance(skeleton, Skeleton):
        raise TypeError(f"{caller}: skeleton must be a Skeleton, not {skeleton!r}")
    if joints != len(skeleton.names):
        raise ValueError(f"{caller}: poses have {joints} joints but the skeleton has {len(skeleton.names)}")


def pooled_mean(values: np.ndarray, scored: np.ndarray, per_joint: bool) -> float | np.ndarray:
    """Return the mean of the values (N, J) of the scored joints; of each joint (J,), NaN where it is never scored."""
    if not per_joint:
        return float(values[scored].mean())
    counts = scored.sum(axis=0)
    sums = np.where(scored, values, 0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
