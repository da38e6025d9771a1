"""How far predicted poses are from the true ones."""

from __future__ import annotations

import numpy as np

from minipose.checks import TOO_FAR, as_array, check_number
from minipose.pose.skeleton import STICK_FIGURE, Skeleton


def epe(predicted: np.ndarray, true: np.ndarray, visible: np.ndarray) -> float:
    """End-point error: the mean distance between predicted and true joints.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike; pass
        `visible == 2` to leave out the hidden ones.

    Returns
    -------
    float
        Pixels, lower is better.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, or no joint is labelled.
    """
    predicted, true = _checked_pair(predicted, true, "epe")
    labelled = _checked_visible(visible, true, "epe")
    if not labelled.any():
        raise ValueError("epe: no joint is labelled (visible is 0 everywhere), so there is no mean error")
    return float(np.linalg.norm(predicted - true, axis=-1)[labelled].mean())


def pckh(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    threshold: float = 0.5,
    skeleton: Skeleton = STICK_FIGURE,
) -> float:
    """Percentage of correct keypoints, in head lengths (Andriluka et al. 2014).

    A joint is correct when its error is at most `threshold` head lengths. Here the head length is the
    distance between the two head joints of the true pose; MPII, which has head boxes, takes 0.6 of their
    diagonal. Joints are pooled over the poses, so a joint's weight is how often it is labelled.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike.
    threshold : float
        Largest error of a correct joint, in head lengths.
    skeleton : Skeleton
        Names the head joints, and the joints that are left out (pelvis and thorax).

    Returns
    -------
    float
        Fraction of correct joints, 0 to 1, higher is better.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, no joint is labelled, or a pose has no head length
        because a head joint is unlabelled or both are the same point.
    """
    predicted, true = _checked_pair(predicted, true, "pckh")
    check_number("pckh", "threshold", threshold, 0)
    if not isinstance(skeleton, Skeleton):
        raise TypeError(f"pckh: skeleton must be a Skeleton, not {skeleton!r}")
    labelled = _checked_visible(visible, true, "pckh")
    if true.shape[1] != len(skeleton.names):
        raise ValueError(f"pckh: poses have {true.shape[1]} joints but the skeleton has {len(skeleton.names)}")
    first, second = skeleton.head
    head_length = np.linalg.norm(true[:, first] - true[:, second], axis=-1)
    without_head = ~labelled[:, first] | ~labelled[:, second] | (head_length == 0)
    if without_head.any():
        raise ValueError(
            f"pckh: pose {int(without_head.argmax())} has no head length, which needs joints {first} and {second} "
            "labelled and apart"
        )
    labelled[:, list(skeleton.excluded_from_pckh)] = False
    if not labelled.any():
        raise ValueError("pckh: no joint is labelled besides those that the skeleton excludes")
    error = np.linalg.norm(predicted - true, axis=-1)
    return float((error <= threshold * head_length[:, None])[labelled].mean())


def report_score(predicted: np.ndarray, true: np.ndarray, image_size: float) -> float:
    """Mean over the images of the length of the vector of all coordinate errors, in image sides.

    On the stick figures of this package a constant mean pose scores about 0.85, and the true pose with right
    and left exchanged 0.8, with x and y exchanged 1.55.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels. All joints count, whether visible or not.
    image_size : float
        Side of the square image, in pixels.

    Returns
    -------
    float
        Image sides, lower is better.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, or `image_size` is not positive.
    """
    predicted, true = _checked_pair(predicted, true, "report_score")
    check_number("report_score", "image_size", image_size, 1, TOO_FAR)
    error = (predicted - true).reshape(len(true), -1) / image_size
    return float(np.linalg.norm(error, axis=1).mean())


def mean_pose(points: np.ndarray) -> np.ndarray:
    """Mean position of each joint: the prediction that a network must beat to have looked at the image.

    Parameters
    ----------
    points : array (N, J, 2)
        Keypoints (x, y) in pixels.

    Returns
    -------
    float32 array (J, 2)
        Keypoints (x, y) in pixels.

    Raises
    ------
    ValueError
        If `points` is not (N, J, 2), is empty, or holds NaN or infinity.
    """
    return _checked_poses(points, "mean_pose", "points").mean(axis=0).astype(np.float32)


def _checked_poses(points: np.ndarray, caller: str, name: str) -> np.ndarray:
    points = as_array(caller, name, points).astype(np.float64)
    if points.ndim != 3 or points.shape[2] != 2 or 0 in points.shape:
        raise ValueError(f"{caller}: {name} must have shape (N, J, 2) and not be empty, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{caller}: {name} hold NaN or infinity")
    return points


def _checked_pair(predicted: np.ndarray, true: np.ndarray, caller: str) -> tuple[np.ndarray, np.ndarray]:
    predicted = _checked_poses(predicted, caller, "predicted points")
    true = _checked_poses(true, caller, "true points")
    if predicted.shape != true.shape:
        raise ValueError(f"{caller}: predicted points have shape {predicted.shape} but true points {true.shape}")
    return predicted, true


def _checked_visible(visible: np.ndarray, true: np.ndarray, caller: str) -> np.ndarray:
    visible = as_array(caller, "visible", visible)
    if visible.shape != true.shape[:2]:
        raise ValueError(f"{caller}: visible must have shape (N, J) = {true.shape[:2]}, got {visible.shape}")
    if visible.dtype.kind not in "biu":
        raise TypeError(f"{caller}: visible must be bool, or the flags 0, 1 and 2, got dtype {visible.dtype}")
    return visible > 0
