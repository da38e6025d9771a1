"""Object keypoint similarity, COCO's measure of how alike two poses are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import as_array
from minipose.pose.metrics.checks import checked_flags, checked_pair
from minipose.pose.metrics.units import box_sides

COCO_SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
)  # fmt: skip
"""How far people who label the 17 COCO joints differ from each other, in square roots of the person's area."""

MPII_SIGMAS = (
    0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026, 0.026, 0.026, 0.062, 0.072, 0.179, 0.179, 0.072, 0.062,
)  # fmt: skip
"""The same for the 16 MPII joints, as mmpose has them. They are no measurement: most are those of a COCO joint."""

AREA_OF_BOX = 0.53  # a person's share of the box around the joints, where there is no mask to measure


def oks(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    areas: Sequence[float] | np.ndarray | None = None,
    sigmas: Sequence[float] | np.ndarray | None = None,
) -> np.ndarray:
    """Object keypoint similarity of each pose (COCO keypoint evaluation).

    The mean over the labelled joints of exp(-d^2 / (2 area (2 sigma)^2)), where d is the distance in pixels.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike.
    areas : array (N,), optional
        Areas of the true people in square pixels. Default: 0.53 of the boxes around their labelled joints.
    sigmas : array (J,), optional
        Tolerance of each joint. Default: `MPII_SIGMAS` for 16 joints, `COCO_SIGMAS` for 17.

    Returns
    -------
    float64 array (N,)
        0 to 1, higher is better. NaN for a pose without a labelled joint.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, an area is negative or not finite, a sigma is not positive, or
        there is no default for so many joints.
    """
    predicted, true = checked_pair("oks", predicted, true)
    labelled = checked_flags("oks", visible, true) > 0
    areas = checked_areas("oks", areas, true, labelled)
    spread = squared_tolerances("oks", sigmas, true.shape[1])
    return similarity(predicted, true, labelled, areas, spread)


def similarity(
    predicted: np.ndarray, true: np.ndarray, labelled: np.ndarray, areas: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Return the similarity (...) of points (..., J, 2) that broadcast; NaN where no joint is labelled."""
    squares = ((predicted - true) ** 2).sum(axis=-1)
    return mean_closeness(squares, labelled, areas, spread)


def mean_closeness(squares: np.ndarray, counted: np.ndarray, areas: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the mean over the counted joints of exp(-square / (2 area (2 sigma)^2)), for squares (..., J)."""
    # An area of 0 tells nothing but the same point; the smallest number beside it keeps 0 / 0 out.
    closeness = np.exp(-squares / spread / (areas[..., None] + np.spacing(1)) / 2) * counted
    counts = counted.sum(axis=-1)
    return np.where(counts > 0, closeness.sum(axis=-1) / np.maximum(counts, 1), np.nan)


def squared_tolerances(caller: str, sigmas: Sequence[float] | np.ndarray | None, joints: int) -> np.ndarray:
    """Return (2 sigma)^2 of each joint (J,)."""
    if sigmas is None:
        known = {len(table): table for table in (MPII_SIGMAS, COCO_SIGMAS)}
        if joints not in known:
            raise ValueError(f"{caller}: sigmas must be given for {joints} joints; only for 16 and 17 is there a table")
        sigmas = known[joints]
    sigmas = as_array(caller, "sigmas", sigmas).astype(np.float64)
    if sigmas.shape != (joints,) or not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise ValueError(f"{caller}: sigmas must be {joints} positive numbers, one for each joint, got {sigmas}")
    return (2 * sigmas) ** 2


def checked_areas(
    caller: str, areas: Sequence[float] | np.ndarray | None, true: np.ndarray, labelled: np.ndarray
) -> np.ndarray:
    """Return the areas (N,) of true people, those of their boxes where none are given."""
    if areas is None:
        return AREA_OF_BOX * box_sides(true, labelled).prod(axis=1)
    areas = as_array(caller, "areas", areas).astype(np.float64)
    if areas.shape != true.shape[:1] or not (np.isfinite(areas) & (areas >= 0)).all():
        raise ValueError(f"{caller}: areas must be {len(true)} numbers that are not negative, got {areas}")
    return areas
