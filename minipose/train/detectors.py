"""Mistakes that scores are known to hide, each found by a small function.

A network that has learnt to answer (y, x), or is scored against another image's labels, has a bad score like any
other bad network. What tells it apart is that one simple change makes its answers good. So each detector of this
kind makes one change, and reports it if the mean error falls by over a fifth, is then about that of the best constant
answer or less, and most samples are better: chance, or an untrained network, does not get there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minipose import pose
from minipose.data import Dataset
from minipose.data.images import natural_key
from minipose.nn import Module
from minipose.train.data_detectors import labels_in_sides, overlap, scale_mismatch, whole_pixels
from minipose.train.findings import ERROR_FROM, Case, Finding, percent, reader_of, source_of
from minipose.train.predictions import Labels, Predictions, read_labels
from minipose.train.references import ideal_outputs, round_trip

PAIRED, FEWEST_PAIRED = 64, 16  # samples that are paired anew
# Predictions made for other figures pass one of these limits by chance, but of 2,500 sets of them not one passed both.
CLEARLY_CLOSER = 0.8  # the distance of the closest truth over that of the second closest
LEAST_DISTINCT = 0.9  # share of the paired predictions that are closest to different truths
FLAT = 1e-3  # of a map: targets have a height of 1
LEAST_PEAK_RATE = 0.9
LEAST_SPREAD = 0.02  # of the predictions over the images, relative to that of the truth
SAME_MAP = 0.999  # correlation
FEWEST = 4  # samples of which it can be said that they are all alike


def diagnose(
    predictions: Predictions,
    codec: Any = None,
    model: Module | None = None,
    dataset: Dataset | None = None,
    training: Labels | Dataset | None = None,
    training_dataset: Dataset | None = None,
    skeleton: pose.Skeleton = pose.STICK_FIGURE,
) -> list[Finding]:
    """Run all detectors.

    Parameters
    ----------
    predictions : Predictions
    codec, model, dataset
        What made them. Without the codec it is not checked itself; the others only tell which line to look at.
    training : Dataset or Labels, optional
        The training data, or its labels as `read_labels` returns them, to be compared with the test data.
    training_dataset : Dataset, optional
        Where `training` are labels, the data set that they come from.
    skeleton : Skeleton
        Says which joints are each other's mirror image.

    Returns
    -------
    list of Finding
        Errors first, the largest improvements first of all. Empty where nothing looks wrong.
    """
    if isinstance(training, Dataset):
        training, training_dataset = read_labels(training), training
    case = Case(predictions, codec, model, dataset, training, training_dataset, skeleton)
    if not case.labelled.any():
        return []
    found = [finding for detector in DETECTORS if (finding := detector(case)) is not None]
    # Of those that are about as large the likeliest, which stands before the others in DETECTORS.
    return sorted(found, key=lambda finding: -round(finding.improvement or 0, 1))


def exchanged_axes(case: Case) -> Finding | None:
    """The predictions are good with x for y."""
    if (gain := case.improvement(case.predictions.points[..., ::-1])) is None:
        return None
    return Finding(
        "x and y exchanged",
        f"with x and y exchanged the predictions are {percent(gain)} better: labels or predictions are (y, x), or "
        "(row, column), and must be (x, y)",
        source_of(type(case.codec).decode if _swaps(case) else reader_of(case.dataset)),
        gain,
    )


def transposed_maps(case: Case) -> Finding | None:
    """The predictions are good when the heatmaps are turned over first, though the codec is right."""
    outputs, samples = case.predictions.outputs, slice(0, len(case.predictions.outputs))
    if case.codec is None or outputs.ndim != 4 or outputs.shape[2] != outputs.shape[3] or _swaps(case):
        return None
    if (gain := case.improvement(case.codec.decode(outputs.swapaxes(2, 3))[0], samples)) is None:
        return None
    return Finding(
        "transposed heatmaps",
        f"with rows and columns of the heatmaps exchanged the predictions are {percent(gain)} better: if the labels "
        "are (x, y), the network gives maps [column, row], or was trained on such, and they must be [row = y, "
        "column = x]",
        source_of(None if case.model is None else type(case.model).forward),
        gain,
    )


def transposed_targets(case: Case) -> Finding | None:
    """The codec draws the targets with x along the rows: it may well read them in the same way, but no convolution
    can transpose an image.
    """
    if (labels := _first_labels(case)) is None:
        return None
    targets = case.codec.encode(labels.points, labels.visible)[0]
    targets = targets if targets.ndim == 4 else ideal_outputs(case.codec, labels)
    if targets.ndim != 4:
        return None
    height, width = targets.shape[2:]
    rows, columns = np.divmod(targets.reshape(*targets.shape[:2], -1).argmax(axis=2), width)
    found = np.stack([columns / width, rows / height], axis=-1)
    true = labels.points / np.array(labels.image_size[::-1])
    right = pose.epe(found, true, labels.visible)
    turned = pose.epe(found, true[..., ::-1], labels.visible)
    if not turned < (1 - ERROR_FROM) * right:
        return None
    return Finding(
        "transposed targets",
        "the heatmaps that the network is trained on have x along the rows and y along the columns; they must be "
        "[row = y, column = x], as the image is",
        source_of(type(case.codec).encode),
        float(1 - turned / right),
    )


def mirrored(case: Case) -> Finding | None:
    """The predictions are good in the mirror."""
    return _mirror(case, exchange=False)


def mirrored_with_exchange(case: Case) -> Finding | None:
    """The predictions are good in the mirror, with right for left."""
    return _mirror(case, exchange=True)


def exchanged_sides(case: Case) -> Finding | None:
    """The predictions are good with right for left."""
    if (gain := case.improvement(case.predictions.points[:, list(case.skeleton.flip)])) is None:
        return None
    return Finding(
        "right and left exchanged",
        f"with right and left joints exchanged the predictions are {percent(gain)} better: in training or in the test "
        "data images were flipped, or joints numbered, without the exchange of right and left",
        source_of(reader_of(case.dataset)),
        gain,
    )


def other_order(case: Case) -> Finding | None:
    """The predictions are good for other images: those of the same place in the order of names, or any others."""
    if len(case.predictions) < 2:
        return None
    return _sorted_as_text(case) or _paired_anew(case)


def constant_output(case: Case) -> Finding | None:
    """The predictions do not depend on the image."""
    labelled, points, true = case.labelled, case.predictions.points, case.predictions.true
    if len(points) < FEWEST:
        return None
    spread, wanted = (_spread(values, labelled) for values in (points, true))
    if not spread < LEAST_SPREAD * wanted:
        return None
    middle = ", ".join(f"{value:.1f}" for value in points[labelled].mean(axis=0))
    return Finding(
        "constant output",
        f"the predictions hardly vary over the images (their mean is at ({middle})): the network, or its codec, does "
        "not look at the image",
        source_of(None if case.model is None else type(case.model).forward),
    )


def flat_maps(case: Case) -> Finding | None:
    """Heatmaps have no peak."""
    maps = case.predictions.maps
    if maps is None or (rate := float((maps.ranges[case.labelled] > FLAT).mean())) >= LEAST_PEAK_RATE:
        return None
    return Finding(
        "heatmaps without a peak",
        f"only {percent(rate)} of the heatmaps have a peak, the others are zero or flat: the targets are empty, or so "
        "small beside the loss of the zeros or the weight decay that no answer is the best one",
        source_of(None if case.model is None else type(case.model).forward),
    )


def duplicated_maps(case: Case) -> Finding | None:
    """Joints share one heatmap."""
    maps, J = case.predictions.maps, case.predictions.points.shape[1]
    if maps is None or len(case.predictions) < FEWEST:
        return None
    # The maps of two joints that are close to each other are alike too, but their points are apart as the true ones.
    predicted, true = (_distances(points) for points in (case.predictions.points, case.predictions.true))
    same = np.argwhere(np.triu((maps.alike > SAME_MAP) & (predicted < LEAST_SPREAD * true), 1))
    if not len(same):
        return None
    everyone = len(same) == J * (J - 1) // 2
    names = ", ".join(f"{case.skeleton.names[a]} and {case.skeleton.names[b]}" for a, b in same[:3])
    return Finding(
        "duplicated heatmaps",
        f"the heatmaps of {'all joints' if everyone else names} are the same: the joints' channels were copied or "
        "broadcast, or the network cannot tell the joints apart",
        source_of(None if case.model is None else type(case.model).forward),
    )


def lossy_codec(case: Case) -> Finding | None:
    """The truth itself does not survive the codec."""
    if (labels := _first_labels(case)) is None:
        return None
    points = round_trip(case.codec, labels)[0]
    lost = pose.epe(points, labels.points, labels.visible)
    if lost < 0.05 * max(labels.image_size):
        return None
    return Finding(
        "lossy codec",
        f"the true points, encoded and decoded, are {lost:.1f} pixels off on average: the targets are not to the scale "
        "of the image, or encode and decode do not belong together",
        source_of(type(case.codec).decode),
    )


def duplicated_rows(results: Mapping[str, Mapping[str, Any]]) -> Finding | None:
    """Two rows of a table of scores are the same to the last digit."""
    seen: dict[tuple[float, float], str] = {}
    for name, row in results.items():
        key = row.get("epe_px"), row.get("report_score")
        if None in key or not all(key):
            continue
        if key in seen:
            return Finding(
                "duplicated rows",
                f"the rows {seen[key]!r} and {name!r} have the same scores to the last digit: one was copied, or the "
                "same predictions were scored twice",
                source_of(pose.summarise),
            )
        seen[key] = name
    return None


DETECTORS = (
    transposed_targets, exchanged_axes, transposed_maps, mirrored, mirrored_with_exchange, exchanged_sides, other_order,
    constant_output, flat_maps, duplicated_maps, lossy_codec, labels_in_sides, whole_pixels, scale_mismatch, overlap,
)  # fmt: skip


def _first_labels(case: Case) -> Labels | None:
    """The first labels, to try the codec on; None if there is no codec, or nothing labelled among them."""
    labels = case.predictions.labels.take(slice(0, PAIRED))
    return None if case.codec is None or not (labels.visible > 0).any() else labels


def _swaps(case: Case) -> bool:
    """Whether the codec itself gives x for y."""
    if (labels := _first_labels(case)) is None:
        return False
    points = round_trip(case.codec, labels)[0]
    right, turned = (pose.epe(p, labels.points, labels.visible) for p in (points, points[..., ::-1]))
    return turned < (1 - ERROR_FROM) * right


def _mirror(case: Case, exchange: bool) -> Finding | None:
    points = case.predictions.points.copy()
    points[..., 0] = case.predictions.image_size[1] - 1 - points[..., 0]
    points = points[:, list(case.skeleton.flip)] if exchange else points
    if (gain := case.improvement(points)) is None:
        return None
    how = "with right and left exchanged" if exchange else "without the exchange of right and left"
    return Finding(
        "mirrored with exchange" if exchange else "mirrored",
        f"mirrored {how} the predictions are {percent(gain)} better: images were flipped and labels were not, or the "
        "other way round",
        source_of(reader_of(case.dataset)),
        gain,
    )


def _sorted_as_text(case: Case) -> Finding | None:
    """Predictions in the order of the names as text, labels in that of their numbers, or the other way round."""
    predictions = case.predictions
    names = [name or str(index) for name, index in zip(predictions.names, predictions.indices, strict=True)]
    as_text = np.array(sorted(range(len(names)), key=names.__getitem__))
    by_number = np.array(sorted(range(len(names)), key=lambda i: natural_key(names[i])))
    order = np.empty_like(as_text)
    order[as_text] = by_number
    for chosen in (order, np.argsort(order)):
        if (gain := case.improvement(predictions.points[chosen])) is not None:
            return Finding(
                "names sorted as text",
                f"with the order of the names as text (1, 10, 2) taken for that of their numbers (1, 2, 10) the "
                f"predictions are {percent(gain)} better: images or predictions were sorted by name as text",
                source_of(reader_of(case.dataset)),
                gain,
            )
    return None


def _paired_anew(case: Case) -> Finding | None:
    """Each of the first predictions goes to the truth that it is closest to, of all samples.

    That makes any predictions better. But one that was made for a pose is much closer to it than to the second closest,
    and two that were made for different poses are not closest to the same.
    """
    predictions, count = case.predictions, min(PAIRED, len(case.predictions))
    if count < FEWEST_PAIRED:
        return None
    some = predictions.points[:count]
    distances = np.stack([_distance_from_all(case, points) for points in some])
    chosen = distances.argmin(axis=1)
    closest, second = np.partition(distances, 1, axis=1)[:, :2].T
    is_clear = np.median(closest / np.maximum(second, 1e-6)) < CLEARLY_CLOSER
    if not is_clear or len(np.unique(chosen)) < LEAST_DISTINCT * count:
        return None
    if (gain := case.improvement(some, chosen)) is None:
        return None
    return Finding(
        "predictions in another order",
        f"with each of the first {count} predictions given to another image they are {percent(gain)} better: "
        "predictions and labels are not in the same order",
        source_of(reader_of(case.dataset)),
        gain,
    )


def _distance_from_all(case: Case, points: np.ndarray) -> np.ndarray:
    """The mean distance (N,) of a pose (J, 2) from each true one; infinity where nothing is labelled."""
    distances = np.linalg.norm(case.predictions.true - points, axis=-1) * case.labelled
    counts = case.labelled.sum(axis=1)
    return np.where(counts > 0, distances.sum(axis=1) / np.maximum(counts, 1), np.inf)


def _spread(points: np.ndarray, labelled: np.ndarray) -> float:
    """The mean distance of a joint from its mean over the samples."""
    middle = pose.mean_pose(points, labelled)
    return float(np.linalg.norm(points - middle, axis=-1)[labelled].mean())


def _distances(points: np.ndarray) -> np.ndarray:
    """The mean distance (J, J) between two joints of a pose."""
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1).mean(axis=0)
