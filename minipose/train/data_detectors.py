"""Mistakes in the data, before any network has seen them."""

from __future__ import annotations

import numpy as np

from minipose.pose.metrics.units import box_sides
from minipose.train.findings import Case, Finding, percent, reader_of, source_of
from minipose.train.predictions import Labels

FEWEST = 16  # poses of which a median is worth something
LARGEST_RATIO = 1.5


def scale_mismatch(case: Case) -> Finding | None:
    """The figures of training and test data are not equally large."""
    if case.known is None:
        return None
    extents = [_extents(labels) for labels in (case.known, case.predictions.labels)]
    if min(map(len, extents)) < FEWEST:
        return None
    trained, tested = (np.median(values, axis=0) for values in extents)
    ratio = np.divide(trained, tested, out=np.ones(2), where=(trained > 0) & (tested > 0))
    if (np.maximum(ratio, 1 / ratio) < LARGEST_RATIO).all():
        return None
    return Finding(
        "scale mismatch",
        f"half of the training figures are over {percent(trained[0])} wide and {percent(trained[1])} high, in image "
        f"sides, but of the test figures over {percent(tested[0])} and {percent(tested[1])}: a network finds what is "
        "as large as what it was shown",
        source_of(reader_of(case.training)),
    )


def overlap(case: Case) -> Finding | None:
    """Test samples are among the training samples, as images or as poses."""
    if case.known is None:
        return None
    labels = case.predictions.labels
    images, poses = set(case.known.hashes), set(_label_hashes(case.known)) - {b""}
    same_image = np.array([one in images for one in labels.hashes])
    shared = same_image | [one in poses for one in _label_hashes(labels)]
    if not shared.any():
        return None
    what = "images" if same_image.any() else "poses, in other images,"
    return Finding(
        "overlap between splits",
        f"{int(shared.sum())} of {len(shared)} test {what} are among the first {len(case.known.points)} training "
        "samples: the scores tell what was learnt by heart",
        source_of(reader_of(case.training)),
    )


def whole_pixels(case: Case) -> Finding | None:
    """All labels are integers."""
    points = case.predictions.true[case.labelled]
    if len(points) < FEWEST or (points != np.round(points)).any():
        return None
    return Finding(
        "labels in whole pixels",
        "all labels are integers: they were rounded, or cut off, which costs up to a pixel; keep them as float32",
        source_of(reader_of(case.dataset)),
    )


def labels_in_sides(case: Case) -> Finding | None:
    """Labels are fractions of the image, or what is left of them as integers."""
    points = case.predictions.true[case.labelled]
    height, width = case.predictions.image_size
    if len(points) < FEWEST or points.min() < 0 or points.max() > 1 or min(height, width) <= 2:
        return None
    scaled = case.predictions.points / np.array([width, height], np.float32)
    return Finding(
        "labels between 0 and 1",
        f"all labels lie between 0 and 1, in images of {height} x {width}: labels are pixels, and must be multiplied "
        "by the image's sides while they are still floats",
        source_of(reader_of(case.dataset)),
        case.improvement(scaled),
    )


def _extents(labels: Labels) -> np.ndarray:
    """Width and height (n, 2) of the poses with at least two joints, in image sides."""
    labelled = labels.visible > 0
    sides = box_sides(labels.points.astype(np.float64), labelled) / np.array(labels.image_size[::-1])
    return sides[labelled.sum(axis=1) > 1]


def _label_hashes(labels: Labels) -> tuple[bytes, ...]:
    """The labelled joints of each pose to a thousandth of a pixel; nothing where there are none."""
    rounded = np.round(labels.points.astype(np.float64) * 1000).astype(np.int64)
    labelled = labels.visible > 0
    return tuple(
        np.flatnonzero(flags).tobytes() + points[flags].tobytes() if flags.any() else b""
        for points, flags in zip(rounded, labelled, strict=True)
    )
