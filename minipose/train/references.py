"""The lines under a table of scores: what can be had without looking at the image, and the best that a codec allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose import pose
from minipose.data import Dataset
from minipose.train.predictions import Labels, read_labels


def score(points: np.ndarray, labels: Labels, scores: np.ndarray | None = None) -> dict[str, Any]:
    """Return all metrics of points (N, J, 2); see `minipose.pose.summarise`. The image's longer side is its size."""
    skeleton = pose.STICK_FIGURE
    return pose.summarise(points, labels.points, labels.visible, max(labels.image_size), scores, skeleton)


def mean_pose_scores(training: Labels, labels: Labels) -> dict[str, Any]:
    """Return the scores of the mean of the training poses, given as the answer to every image.

    It is scaled with the images where those of the training data are of another size.
    """
    mean = pose.mean_pose(training.points, training.visible)
    if training.image_size != labels.image_size:
        sides, new_sides = np.array(training.image_size[::-1]), np.array(labels.image_size[::-1])
        mean = mean * new_sides / sides
    return score(np.broadcast_to(mean, labels.points.shape), labels)


def image_centre_scores(labels: Labels) -> dict[str, Any]:
    """Return the scores of the middle of the image, given as the position of every joint."""
    height, width = labels.image_size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return score(np.broadcast_to(centre, labels.points.shape), labels)


def codec_scores(codec: Any, labels: Labels) -> dict[str, Any]:
    """Return the scores of the truth, encoded and decoded, which no network that is read by this codec can beat."""
    return score(*round_trip(codec, labels))


def round_trip(codec: Any, labels: Labels, batch_size: int = 64) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Return the true points, encoded and decoded, the labels, and the scores of the points."""
    starts = range(0, len(labels.points), batch_size)
    pairs = [codec.decode(ideal_outputs(codec, labels.take(slice(i, i + batch_size)))) for i in starts]
    points, certainty = zip(*pairs, strict=True)
    return np.concatenate(points), labels, np.concatenate(certainty)


def ideal_outputs(codec: Any, labels: Labels) -> np.ndarray:
    """Return what a network without a fault would give: the codec's `ideal_outputs`, or else its targets."""
    if hasattr(codec, "ideal_outputs"):
        return codec.ideal_outputs(labels.points)
    return codec.encode(labels.points, labels.visible)[0]


def evaluate_mean_pose(training: Dataset, dataset: Dataset, count: int = 1000) -> dict[str, Any]:
    """Return the scores of the average of `count` training poses, given as the answer to every image.

    A network that is not better than this line has not looked at the images.
    """
    return mean_pose_scores(read_labels(training, count), read_labels(dataset, len(dataset)))
