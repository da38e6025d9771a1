"""All metrics at once, as a row of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose.checks import as_array
from minipose.pose.metrics.average_precision import average_precision
from minipose.pose.metrics.checks import check_skeleton, checked_flags, checked_pair
from minipose.pose.metrics.correct import auc, pck
from minipose.pose.metrics.distance import epe, nme, report_score
from minipose.pose.metrics.oks import oks
from minipose.pose.metrics.units import UNITS, unit_lengths
from minipose.pose.skeleton import STICK_FIGURE, Skeleton


def summarise(
    predicted: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray,
    image_size: float,
    scores: np.ndarray | None = None,
    skeleton: Skeleton = STICK_FIGURE,
) -> dict[str, Any]:
    """Return all metrics of predicted poses, ready for JSON.

    Parameters
    ----------
    predicted, true : array (N, J, 2)
        Keypoints (x, y) in pixels.
    visible : array (N, J) of bool or int
        Joints with 0 are unlabelled and left out. Hidden (1) and visible (2) joints count alike.
    image_size : float
        Side of the square image in pixels, for `report_score`.
    scores : array (N, J), optional
        How sure each joint is; a pose's mean ranks it for the average precision. Default: all alike.
    skeleton : Skeleton
        Names joints, head, torso and pairs.

    Returns
    -------
    dict
        pckh50, epe_px, report_score; pckh10; auc (of PCKh); pck_bbox05 and pck_bbox20 (longer side of the box);
        pck_torso20; pck_diagonal15, the report's 3DPCK; nme_bbox; oks, the mean; ap, COCO's AP where each image has
        one person; pckh50_agnostic; pckh50_visible, without hidden joints; per_joint: for each of pckh50, pckh10,
        epe_px and pck_bbox05 a dict by joint. A pose that lacks the unit of a metric (its head is unlabelled) is left
        out of that metric, one with an unlabelled joint out of report_score; a metric that has nothing left is None.
        poses and poses_without_head tell how many there were.

    Raises
    ------
    ValueError
        If shapes differ, a coordinate is not finite, or `image_size` is not positive.
    """
    predicted, true = checked_pair("summarise", predicted, true)
    flags = checked_flags("summarise", visible, true)
    check_skeleton("summarise", skeleton, true.shape[1])
    scores = np.ones(flags.shape) if scores is None else as_array("summarise", "scores", scores)
    if scores.shape != flags.shape or not np.isfinite(scores).all():
        raise ValueError(f"summarise: scores must be finite and of shape (N, J) = {flags.shape}, got {scores.shape}")
    return _scores(
        predicted, true, np.where(flags, 2, 0) if flags.dtype == bool else flags, image_size, scores, skeleton
    )


def _scores(
    predicted: np.ndarray,
    true: np.ndarray,
    flags: np.ndarray,
    image_size: float,
    scores: np.ndarray,
    skeleton: Skeleton,
) -> dict[str, Any]:
    units = {unit: unit_lengths(true, flags, unit, skeleton) for unit in UNITS}
    kept = {unit: np.where(np.isnan(lengths)[:, None], 0, flags) for unit, lengths in units.items()}
    labelled = flags > 0
    any_label = bool(labelled.any())

    def correct(unit: str, threshold: float, **options: bool) -> Any:
        counted = kept[unit] == 2 if options.get("only_visible") else kept[unit] > 0
        if unit == "head":
            counted[:, list(skeleton.excluded_from_pckh)] = False
        return pck(predicted, true, kept[unit], threshold, unit, skeleton, **options) if counted.any() else None

    pckh50 = correct("head", 0.5)
    by_joint = {
        "pckh50": correct("head", 0.5, per_joint=True),
        "pckh10": correct("head", 0.1, per_joint=True),
        "pck_bbox05": correct("bbox", 0.05, per_joint=True),
        "epe_px": epe(predicted, true, flags, per_joint=True) if any_label else None,
    }
    return {
        "pckh50": pckh50,
        "pckh10": correct("head", 0.1),
        "auc": None if pckh50 is None else auc(predicted, true, kept["head"], skeleton=skeleton),
        "pck_bbox05": correct("bbox", 0.05),
        "pck_bbox20": correct("bbox", 0.2),
        "pck_torso20": correct("torso", 0.2),
        "pck_diagonal15": correct("diagonal", 0.15),
        "pckh50_agnostic": correct("head", 0.5, agnostic=True),
        "pckh50_visible": correct("head", 0.5, only_visible=True),
        "epe_px": epe(predicted, true, flags) if any_label else None,
        "nme_bbox": nme(predicted, true, kept["bbox"], skeleton=skeleton) if kept["bbox"].any() else None,
        "report_score": report_score(predicted, true, image_size, flags) if labelled.all(axis=1).any() else None,
        "oks": float(np.nanmean(oks(predicted, true, flags))) if any_label else None,
        "ap": _ap(predicted, scores, true, flags) if any_label else None,
        "poses": len(true),
        "poses_without_head": int((np.isnan(units["head"]) & labelled.any(axis=1)).sum()),
        "per_joint": {metric: _named(values, skeleton) for metric, values in by_joint.items()},
    }


def _ap(predicted: np.ndarray, scores: np.ndarray, true: np.ndarray, flags: np.ndarray) -> float:
    ranks = scores.mean(axis=1)[:, None]
    return average_precision(list(predicted[:, None]), list(ranks), list(true[:, None]), list(flags[:, None]))["AP"]


def _named(values: np.ndarray | None, skeleton: Skeleton) -> dict[str, float | None]:
    values = np.full(len(skeleton.names), np.nan) if values is None else values
    return {name: None if np.isnan(v) else float(v) for name, v in zip(skeleton.names, values, strict=True)}
