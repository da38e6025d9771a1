"""The share of correct keypoints: PCK and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import as_array, check_flag, check_number
from minipose.pose.metrics.checks import check_skeleton, checked_pair, pooled_mean, scored_joints
from minipose.pose.metrics.units import lengths_of
from minipose.pose.skeleton import STICK_FIGURE, Skeleton

AUC_THRESHOLDS = tuple(i / 100 for i in range(51))


def pck(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    threshold: float = 0.2,
    unit: str | Sequence[float] | np.ndarray = "bbox",
    skeleton: Skeleton = STICK_FIGURE,
    only_visible: bool = False,
    agnostic: bool = False,
    per_joint: bool = False,
) -> float | np.ndarray:
    """Percentage of correct keypoints.

    A joint is correct when its error is at most `threshold` units of its pose. Usual are 0.05, 0.1 and 0.2 of the
    box's longer side; 0.2 of the torso (Sapp and Taskar 2013); 0.15 of the box's diagonal, which the report's code
    calls 3DPCK; and 0.5 of the head, which is PCKh. Elsewhere the box is an annotated one, here it is that of the
    labelled joints; and elsewhere the mean may be taken joint by joint first, which is
    `numpy.nanmean(pck(..., per_joint=True))`.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike.
    threshold : float
        Largest error of a correct joint, in units.
    unit : {"bbox", "diagonal", "head", "torso"} or array (N,)
        As for `unit_lengths`. With "head", the joints that PCKh leaves out (pelvis and thorax) are left out.
    skeleton : Skeleton
        Names the joints of head and torso, and the pairs of left and right.
    only_visible : bool
        Leave out the hidden joints too. They still count for the unit.
    agnostic : bool
        Measure each joint's error to its own label or to its mirror image's, whichever is closer. The gap to the
        usual score is the share of errors that are left for right.
    per_joint : bool
        Return a value for each joint.

    Returns
    -------
    float, or array (J,)
        Fraction of correct joints, 0 to 1, higher is better. NaN for a joint that is never scored.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, no joint is scored, or a pose has no such unit.
    """
    errors, scored = _errors("pck", predicted, true, visible, unit, skeleton, only_visible, agnostic, per_joint)
    check_number("pck", "threshold", threshold, 0)
    return pooled_mean(errors <= threshold, scored, per_joint)


def pckh(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    threshold: float = 0.5,
    skeleton: Skeleton = STICK_FIGURE,
    only_visible: bool = False,
    agnostic: bool = False,
    per_joint: bool = False,
) -> float | np.ndarray:
    """Percentage of correct keypoints, in head lengths (Andriluka et al. 2014).

    A joint is correct when its error is at most `threshold` head lengths. Here the head length is the
    distance between the two head joints of the true pose; MPII, which has head boxes, takes 0.6 of their
    diagonal. Joints are pooled over the poses, so a joint's weight is how often it is labelled.

    PCKh@0.1 is at 0.1 here. Several published tables (those of Simple Baselines and HRNet) print under that name
    what their code takes at 0.11, which is a few percent more.

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
    only_visible, agnostic, per_joint : bool
        As for `pck`.

    Returns
    -------
    float, or array (J,)
        Fraction of correct joints, 0 to 1, higher is better. NaN for a joint that is never scored.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, no joint is labelled, or a pose has no head length
        because a head joint is unlabelled or both are the same point.
    """
    errors, scored = _errors("pckh", predicted, true, visible, "head", skeleton, only_visible, agnostic, per_joint)
    check_number("pckh", "threshold", threshold, 0)
    return pooled_mean(errors <= threshold, scored, per_joint)


def auc(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    thresholds: Sequence[float] = AUC_THRESHOLDS,
    unit: str | Sequence[float] | np.ndarray = "head",
    skeleton: Skeleton = STICK_FIGURE,
    only_visible: bool = False,
    agnostic: bool = False,
    per_joint: bool = False,
) -> float | np.ndarray:
    """Area under the curve of PCK over its threshold: the mean of PCK at each of `thresholds`.

    By default that is PCKh at 0, 0.01, ..., 0.5, both ends included: 51 of them. It is a mean and no trapezoid rule,
    which would count the ends half. Others use other thresholds (mmpose pixels, 0 to 28.5), so only values that
    are computed alike can be compared.

    Parameters
    ----------
    predicted, true, visible, unit, skeleton, only_visible, agnostic, per_joint
        As for `pck`, except that the unit is the head by default.
    thresholds : sequence of float
        In units, none negative.

    Returns
    -------
    float, or array (J,)
        0 to 1, higher is better; 1 only for predictions without any error if 0 is among the thresholds.

    Raises
    ------
    ValueError
        As `pck`, and if there is no threshold or one is negative.
    """
    errors, scored = _errors("auc", predicted, true, visible, unit, skeleton, only_visible, agnostic, per_joint)
    limits = np.sort(as_array("auc", "thresholds", thresholds).astype(np.float64).ravel())
    if limits.size == 0 or not (limits >= 0).all():
        raise ValueError(f"auc: thresholds must be numbers that are not negative, at least one, got {thresholds!r}")
    passed = 1 - np.searchsorted(limits, errors) / limits.size
    return pooled_mean(passed, scored, per_joint)


def _errors(
    caller: str,
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    unit: str | Sequence[float] | np.ndarray,
    skeleton: Skeleton,
    only_visible: bool,
    agnostic: bool,
    per_joint: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N, J) in units, and which of them count."""
    predicted, true = checked_pair(caller, predicted, true)
    check_flag(caller, "agnostic", agnostic)
    check_flag(caller, "per_joint", per_joint)
    scored = scored_joints(caller, visible, true, only_visible)
    is_head = isinstance(unit, str) and unit == "head"
    if is_head or agnostic:
        check_skeleton(caller, skeleton, true.shape[1])
    lengths = lengths_of(caller, true, visible, scored, unit, skeleton)
    if is_head:
        scored[:, list(skeleton.excluded_from_pckh)] = False
        if not scored.any():
            raise ValueError(f"{caller}: no joint is labelled besides those that the skeleton excludes")
    errors = np.linalg.norm(predicted - true, axis=-1)
    if agnostic:
        flip = list(skeleton.flip)
        mirrored = np.linalg.norm(predicted - true[:, flip], axis=-1)
        has_mirror = np.asarray(visible)[:, flip] > 0
        errors = np.where(has_mirror, np.minimum(errors, mirrored), errors)
    return errors / lengths, scored
