"""The 17 joints of COCO's people, and the way between them and the 16 of the stick figures."""

from __future__ import annotations

import numpy as np

from minipose.checks import as_array
from minipose.pose.skeleton import STICK_FIGURE

COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""The joints of the COCO keypoints data set (Lin et al. 2014), in its order."""

SHARED = tuple((COCO_NAMES.index(name), place) for place, name in enumerate(STICK_FIGURE.names) if name in COCO_NAMES)
MIDDLES = {"pelvis": ("left_hip", "right_hip"), "thorax": ("left_shoulder", "right_shoulder")}


def coco_to_stick_figure(points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn COCO's 17 joints into the 16 of `STICK_FIGURE`.

    Twelve are the same. The pelvis is taken midway between the hips and the thorax midway between the shoulders, as
    visible as the less visible of the two, and unlabelled where one of them is. No joint of COCO's lies at the upper
    neck or at the top of the head, and a guess is no label: these two are unlabelled.

    Parameters
    ----------
    points : array (..., 17, 2)
        (x, y) in pixels.
    visible : array (..., 17)
        0 unlabelled, 1 hidden, 2 visible.

    Returns
    -------
    points : array (..., 16, 2)
        Unlabelled joints at (0, 0).
    visible : array (..., 16)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of these shapes.
    """
    points, visible = _checked("coco_to_stick_figure", points, visible, len(COCO_NAMES))
    new_points, new_visible = _empty(points, visible, len(STICK_FIGURE.names))
    coco, stick = (list(places) for places in zip(*SHARED, strict=True))
    new_points[..., stick, :], new_visible[..., stick] = points[..., coco, :], visible[..., coco]
    for name, pair in MIDDLES.items():
        place, ends = STICK_FIGURE.names.index(name), [COCO_NAMES.index(end) for end in pair]
        new_points[..., place, :] = points[..., ends, :].mean(axis=-2)
        new_visible[..., place] = visible[..., ends].min(axis=-1)
    new_points[new_visible == 0] = 0
    return new_points, new_visible


def stick_figure_to_coco(points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the 16 joints of `STICK_FIGURE` into COCO's 17: the twelve that both have.

    Nose, eyes and ears are unlabelled, at (0, 0).

    Parameters
    ----------
    points : array (..., 16, 2)
        (x, y) in pixels.
    visible : array (..., 16)
        Flags, or scores of predictions.

    Returns
    -------
    points : array (..., 17, 2)
    visible : array (..., 17)
        Of the same kind; 0 for nose, eyes and ears.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of these shapes.
    """
    points, visible = _checked("stick_figure_to_coco", points, visible, len(STICK_FIGURE.names))
    new_points, new_visible = _empty(points, visible, len(COCO_NAMES))
    coco, stick = (list(places) for places in zip(*SHARED, strict=True))
    new_points[..., coco, :], new_visible[..., coco] = points[..., stick, :], visible[..., stick]
    return new_points, new_visible


def _checked(name: str, points: np.ndarray, visible: np.ndarray, joints: int) -> tuple[np.ndarray, np.ndarray]:
    points, visible = as_array(name, "points", points), as_array(name, "visible", visible)
    if points.ndim < 2 or points.shape[-2:] != (joints, 2) or visible.shape != points.shape[:-1]:
        raise ValueError(
            f"{name}: points must have shape (..., {joints}, 2) and visible (..., {joints}), "
            f"got {points.shape} and {visible.shape}"
        )
    return points, visible


def _empty(points: np.ndarray, visible: np.ndarray, joints: int) -> tuple[np.ndarray, np.ndarray]:
    dtype = points.dtype if points.dtype.kind == "f" else np.float64
    return np.zeros((*points.shape[:-2], joints, 2), dtype), np.zeros((*visible.shape[:-1], joints), visible.dtype)
