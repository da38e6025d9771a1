"""Mean distances between predicted and true poses, and the mean pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import TOO_FAR, check_flag, check_number
from minipose.pose.metrics.checks import checked_flags, checked_pair, checked_poses, pooled_mean, scored_joints
from minipose.pose.metrics.units import lengths_of
from minipose.pose.skeleton import STICK_FIGURE, Skeleton


def epe(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    only_visible: bool = False,
    per_joint: bool = False,
) -> float | np.ndarray:
    """End-point error: the mean distance between predicted and true joints.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike.
    only_visible : bool
        Leave out the hidden joints too.
    per_joint : bool
        Return a value for each joint.

    Returns
    -------
    float, or array (J,)
        Pixels, lower is better. NaN for a joint that is never scored.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, or no joint is labelled.
    """
    predicted, true = checked_pair("epe", predicted, true)
    check_flag("epe", "per_joint", per_joint)
    scored = scored_joints("epe", visible, true, only_visible)
    return pooled_mean(np.linalg.norm(predicted - true, axis=-1), scored, per_joint)


def nme(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    unit: str | Sequence[float] | np.ndarray = "bbox",
    skeleton: Skeleton = STICK_FIGURE,
    only_visible: bool = False,
    per_joint: bool = False,
) -> float | np.ndarray:
    """Normalised mean error: the mean distance between predicted and true joints, in a length of the true pose.

    Parameters
    ----------
    predicted, true, visible, only_visible, per_joint
        As for `epe`.
    unit : {"bbox", "diagonal", "head", "torso"} or array (N,)
        As for `unit_lengths`.
    skeleton : Skeleton
        Names the joints of head and torso.

    Returns
    -------
    float, or array (J,)
        Units, lower is better. NaN for a joint that is never scored.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, no joint is scored, or a pose has no such unit.
    """
    predicted, true = checked_pair("nme", predicted, true)
    check_flag("nme", "per_joint", per_joint)
    scored = scored_joints("nme", visible, true, only_visible)
    lengths = lengths_of("nme", true, visible, scored, unit, skeleton)
    return pooled_mean(np.linalg.norm(predicted - true, axis=-1) / lengths, scored, per_joint)


def report_score(
    predicted: np.ndarray, true: np.ndarray, image_size: float, visible: np.ndarray | None = None
) -> float:
    """Mean over the images of the length of the vector of all coordinate errors, in image sides.

    On the stick figures of this package a constant mean pose scores about 0.85, and the true pose with right
    and left exchanged 0.8, with x and y exchanged 1.55.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels. All joints count, whether visible or not.
    image_size : float
        Side of the square image, in pixels.
    visible : array (N, J) of bool or int, optional
        Poses with an unlabelled joint (0) are left out, as in the report. Default: all joints are labelled.

    Returns
    -------
    float
        Image sides, lower is better.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, `image_size` is not positive, or no pose is labelled completely.
    """
    predicted, true = checked_pair("report_score", predicted, true)
    check_number("report_score", "image_size", image_size, 1, TOO_FAR)
    error = np.linalg.norm((predicted - true).reshape(len(true), -1), axis=1) / image_size
    if visible is not None:
        error = error[(checked_flags("report_score", visible, true) > 0).all(axis=1)]
        if len(error) == 0:
            raise ValueError("report_score: every pose has an unlabelled joint, so there is nothing to score")
    return float(error.mean())


def mean_pose(points: np.ndarray, visible: np.ndarray | None = None) -> np.ndarray:
    """Mean position of each joint: the prediction that a network must beat to have looked at the image.

    Parameters
    ----------
    points : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int, optional
        Joints with 0 are unlabelled and left out. Default: all are labelled.

    Returns
    -------
    float32 array (J, 2)
        Keypoints (x, y) in pixels. A joint that is never labelled is at the mean of the others.

    Raises
    ------
    ValueError
        If `points` is not (N, J, 2), is empty, or holds NaN or infinity, or no joint is labelled.
    """
    points = checked_poses("mean_pose", "points", points)
    if visible is None:
        return points.mean(axis=0).astype(np.float32)
    labelled = scored_joints("mean_pose", visible, points, only_visible=False)
    means = np.stack([pooled_mean(points[..., axis], labelled, per_joint=True) for axis in (0, 1)], axis=-1)
    return np.where(np.isnan(means), np.nanmean(means, axis=0), means).astype(np.float32)
