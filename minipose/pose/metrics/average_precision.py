"""COCO's average precision of poses: several people in an image, each prediction with a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minipose.checks import as_array, check_integer
from minipose.pose.metrics.oks import checked_areas, mean_closeness, similarity, squared_tolerances
from minipose.pose.metrics.units import box_sides

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
RANGES = {"": (0, 1e10), "_medium": (32**2, 96**2), "_large": (96**2, 1e10)}  # of areas in square pixels


@dataclass(frozen=True, eq=False)
class _Image:
    """One image's D predicted people, best first, and its P true ones."""

    scores: np.ndarray
    similarities: np.ndarray  # (D, P)
    predicted_areas: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    ignored: np.ndarray


def average_precision(
    predicted: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    true: Sequence[np.ndarray],
    visible: Sequence[np.ndarray],
    areas: Sequence[np.ndarray] | None = None,
    sigmas: Sequence[float] | np.ndarray | None = None,
    crowd: Sequence[np.ndarray] | None = None,
    boxes: Sequence[np.ndarray] | None = None,
    most: int = 20,
) -> dict[str, float]:
    """Average precision and recall over the OKS thresholds 0.50, 0.55, ..., 0.95 (COCO keypoint evaluation).

    In each image the predictions, best first, take the true person that they are most alike, if that is not taken
    and the similarity is at least the threshold. Over all images, best first, that gives precision and recall;
    precision is made to fall, read at the recalls 0, 0.01, ..., 1, and its mean is the AP of the threshold.

    People that are a crowd, are not labelled at any joint, or are out of the range of areas neither have to be found
    nor make the prediction that finds them wrong; a crowd may be found more than once. Equal scores keep the order of
    the images, and of the people in them.

    Parameters
    ----------
    predicted : sequence of arrays (D, J, 2)
        For each image the predicted people, in pixels. D may be 0.
    scores : sequence of arrays (D,)
        How sure each of them is.
    true : sequence of arrays (P, J, 2)
        For each image the true people.
    visible : sequence of arrays (P, J) of bool or int
        Joints with 0 are unlabelled and left out.
    areas : sequence of arrays (P,), optional
        Areas of the true people in square pixels. Default: 0.53 of the boxes around their labelled joints.
    sigmas : array (J,), optional
        Tolerance of each joint. Default: `MPII_SIGMAS` for 16 joints, `COCO_SIGMAS` for 17.
    crowd : sequence of bool arrays (P,), optional
        COCO's `iscrowd`. Default: nobody.
    boxes : sequence of arrays (P, 4), optional
        COCO's `bbox` (x, y, width, height): where people without a labelled joint are. Predictions within the box of
        three times its sides around its centre count as being there. Default: such people are never found.
    most : int
        Only the best so many predictions of an image are looked at.

    Returns
    -------
    dict
        AP, AP50, AP75, AP_medium, AP_large, AR, AR50, AR75, AR_medium, AR_large; 0 to 1, higher is better. Medium are
        areas from 32^2 to 96^2 square pixels, large those above. NaN where nobody has to be found (COCO: -1).

    Raises
    ------
    ValueError
        If lengths or shapes differ, a number is not finite, or as in `oks`.
    """
    check_integer("average_precision", "most", most, 1)
    images = _images(predicted, scores, true, visible, areas, sigmas, crowd, boxes, most)
    result = {}
    values = {name: _precision_and_recall(images, limits) for name, limits in RANGES.items()}
    for measure, place in (("AP", 0), ("AR", 1)):
        result[measure] = float(values[""][place].mean())
        result[f"{measure}50"] = float(values[""][place][0])
        result[f"{measure}75"] = float(values[""][place][5])
        result[f"{measure}_medium"] = float(values["_medium"][place].mean())
        result[f"{measure}_large"] = float(values["_large"][place].mean())
    return result


def _precision_and_recall(images: list[_Image], limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """AP and largest recall (T,) at each threshold, for people whose areas are within the limits."""
    to_find, scores, hits, misses = 0, [], [], []
    for image in images:
        ignored = image.ignored | _outside(image.areas, limits)
        to_find += int((~ignored).sum())
        found = _match(image, ignored)
        free = (found == -1) & _outside(image.predicted_areas, limits)
        without_weight = np.where(found >= 0, np.append(ignored, False)[found], free)
        scores.append(image.scores)
        hits.append((found >= 0) & ~without_weight)
        misses.append((found == -1) & ~without_weight)
    if to_find == 0:
        return np.full(len(THRESHOLDS), np.nan), np.full(len(THRESHOLDS), np.nan)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit = np.cumsum(np.concatenate(hits, axis=1)[:, order], axis=1, dtype=np.float64)
    missed = np.cumsum(np.concatenate(misses, axis=1)[:, order], axis=1, dtype=np.float64)
    precision = hit / (hit + missed + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hit / to_find
    padded = np.pad(precision, ((0, 0), (0, 1)))  # 0 at recalls that are never reached
    at = np.stack([np.searchsorted(row, RECALLS) for row in recall])
    largest = recall[:, -1] if len(order) else np.zeros(len(THRESHOLDS))
    return np.take_along_axis(padded, at, axis=1).mean(axis=1), largest


def _match(image: _Image, ignored: np.ndarray) -> np.ndarray:
    """The true person that each prediction takes (T, D) at each threshold, or -1."""
    result = np.full((len(THRESHOLDS), len(image.scores)), -1)
    free = np.ones((len(THRESHOLDS), len(ignored)), dtype=bool)
    if not len(ignored):
        return result
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
    for place, row in enumerate(image.similarities):
        possible = free & (row >= least)
        first = possible & ~ignored
        possible = np.where(first.any(axis=1, keepdims=True), first, possible)
        # Of equally alike people the last, as COCO's own code does.
        chosen = len(row) - 1 - np.where(possible, row, -1)[:, ::-1].argmax(axis=1)
        taken = np.flatnonzero(possible.any(axis=1))
        result[taken, place] = chosen[taken]
        free[taken, chosen[taken]] = image.crowd[chosen[taken]]
    return result


def _outside(areas: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    return (areas < limits[0]) | (areas > limits[1])


def _images(predicted, scores, true, visible, areas, sigmas, crowd, boxes, most) -> list[_Image]:
    """Check the arguments of `average_precision`, and put together what belongs to one image."""
    given = {"predicted": predicted, "scores": scores, "true": true, "visible": visible}
    given |= {k: v for k, v in {"areas": areas, "crowd": crowd, "boxes": boxes}.items() if v is not None}
    lengths = {name: len(value) for name, value in given.items()}
    if len(set(lengths.values())) != 1 or not lengths["true"]:
        raise ValueError(f"average_precision: each argument must have an entry for each image, at least one: {lengths}")
    joints = next((np.shape(a)[1] for a in (*true, *predicted) if np.ndim(a) == 3), 0)
    spread = squared_tolerances("average_precision", sigmas, joints)
    shapes = {"predicted": (joints, 2), "scores": (), "true": (joints, 2), "visible": (joints,), "areas": (),
              "crowd": (), "boxes": (4,)}  # fmt: skip
    return [
        _image({name: _entry(name, index, given[name][index], shapes[name]) for name in given}, index, spread, most)
        for index in range(lengths["true"])
    ]


def _image(entries: dict[str, np.ndarray], index: int, spread: np.ndarray, most: int) -> _Image:
    counts = {name: len(array) for name, array in entries.items()}
    if any(n != counts["predicted" if name in ("predicted", "scores") else "true"] for name, n in counts.items()):
        raise ValueError(
            f"average_precision: image {index} must have a score for each predicted person, and flags (and areas, "
            f"crowd, boxes) for each true one, but the lengths are {counts}"
        )
    order = np.argsort(-entries["scores"].astype(np.float64), kind="stable")[:most]
    points, people = entries["predicted"][order].astype(np.float64), entries["true"].astype(np.float64)
    labelled = entries["visible"] > 0
    areas = checked_areas("average_precision", entries.get("areas"), people, labelled)
    alike = similarity(points[:, None], people, labelled, areas, spread)
    nowhere = ~labelled.any(axis=1)
    alike[:, nowhere] = -1
    if "boxes" in entries:
        alike[:, nowhere] = _closeness_to_boxes(points, entries["boxes"][nowhere], areas[nowhere], spread)
    crowd = entries.get("crowd", np.zeros(len(people))).astype(bool)
    extents = box_sides(points, np.ones(points.shape[:2], dtype=bool)).prod(axis=1)
    return _Image(entries["scores"][order].astype(np.float64), alike, extents, areas, crowd, crowd | nowhere)


def _entry(name: str, index: int, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what is given for one image as an array (n, *shape); anything empty is nobody."""
    array = as_array("average_precision", f"{name}[{index}]", value)
    array = array.reshape(0, *shape) if array.size == 0 else array
    if array.ndim != 1 + len(shape) or array.shape[1:] != shape or not np.isfinite(array).all():
        wanted = ", ".join(map(str, ("n", *shape)))
        raise ValueError(
            f"average_precision: {name}[{index}] must be finite and of shape ({wanted}), got shape {array.shape}"
        )
    return array


def _closeness_to_boxes(points: np.ndarray, boxes: np.ndarray, areas: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """How close (D, P) poses (D, J, 2) are to boxes (P, 4) of three times the size around the same centre."""
    start, size = boxes[:, None, :2], boxes[:, None, 2:]
    points = points[:, None]
    outside = np.maximum(0, start - size - points) + np.maximum(0, points - (start + 2 * size))
    squares = (outside**2).sum(axis=-1)
    return mean_closeness(squares, np.ones(squares.shape, dtype=bool), areas, spread)
