"""What a network answers to a data set, with all that is needed to score it and to find out what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minipose import pose
from minipose.autograd import no_grad
from minipose.checks import check_integer
from minipose.creation import tensor
from minipose.data import Batch, Dataset, to_input
from minipose.nn import Module

KEPT_OUTPUTS = 64  # samples whose raw outputs stay with the predictions


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of N samples of a data set, and what tells its images apart.

    Attributes
    ----------
    points : float32 array (N, J, 2)
        Keypoints (x, y) in pixels; (0, 0) where an unlabelled joint has no position.
    visible : uint8 array (N, J)
    image_size : (int, int)
        Height and width of the images in pixels.
    hashes : tuple of bytes
        One for each image, equal where the pixels are.
    """

    points: np.ndarray
    visible: np.ndarray
    image_size: tuple[int, int]
    hashes: tuple[bytes, ...]

    def take(self, samples: slice | np.ndarray) -> Labels:
        """Return the labels of some of the samples."""
        hashes = tuple(self.hashes[i] for i in np.arange(len(self.hashes))[samples])
        return Labels(self.points[samples], self.visible[samples], self.image_size, hashes)


@dataclass(frozen=True, eq=False)
class MapStatistics:
    """What is kept of the heatmaps of N samples.

    Attributes
    ----------
    ranges : float32 array (N, J)
        The highest value of each map less its lowest.
    alike : float32 array (J, J)
        The correlation of the maps of two joints, mean over the samples. 0 where a map is constant.
    """

    ranges: np.ndarray
    alike: np.ndarray


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of a network to N samples, in their order.

    Attributes
    ----------
    points : float32 array (N, J, 2)
        Predicted keypoints (x, y) in image pixels.
    scores : float32 array (N, J)
        How sure the codec is of each.
    labels : Labels
        The true keypoints.
    sets, names : tuples of N strings
    indices : int64 array (N,)
    outputs : array (min(N, 64), ...)
        What the network gave for the first samples.
    maps : MapStatistics, optional
        None where the outputs are no heatmaps.
    """

    points: np.ndarray
    scores: np.ndarray
    labels: Labels
    sets: tuple[str, ...]
    names: tuple[str, ...]
    indices: np.ndarray
    outputs: np.ndarray
    maps: MapStatistics | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def true(self) -> np.ndarray:
        """The true keypoints (N, J, 2)."""
        return self.labels.points

    @property
    def visible(self) -> np.ndarray:
        """The flags (N, J)."""
        return self.labels.visible

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images in pixels."""
        return self.labels.image_size


def predict_outputs(model: Module, images: np.ndarray) -> np.ndarray:
    """Return the answer to images (uint8, N H W 3), heatmaps (N, J, h, w) or what else the model gives.

    The model is in eval mode meanwhile, and there is no graph.
    """
    training = model.training
    device = next((parameter.device for parameter in model.parameters()), "cpu")
    model.eval()
    try:
        with no_grad():
            return model(tensor(to_input(images), device=device)).cpu().numpy()
    finally:
        model.train(training)


def predict(model: Module, dataset: Dataset, codec: Any = None, batch_size: int = 64) -> Predictions:
    """Return the answers of a network to all samples of a data set.

    Parameters
    ----------
    model : Module
        Maps images (N, 3, H, W) to what the codec decodes.
    dataset : Dataset
        Its images must be of one size.
    codec : codec of minipose.pose, optional
        Has `decode(outputs)`. Default: `default_codec`.
    batch_size : int

    Returns
    -------
    Predictions

    Raises
    ------
    ValueError
        If the data set is empty, its images and labels have the wrong types or shapes, a labelled joint has no finite
        position, the network does not answer once for each image, or an answer is not finite.
    """
    check_integer("predict", "batch_size", batch_size, 1)
    points, scores, outputs, ranges, alike, batches = [], [], [], [], [], []
    for batch in _batches("predict", dataset, len(dataset), batch_size):
        answer = predict_outputs(model, batch.images)
        if answer.ndim == 0 or len(answer) != len(batch):
            raise ValueError(
                f"predict: the network gave an output of shape {answer.shape} for {len(batch)} images; the first axis "
                "must be the images', so nothing may be joined or reshaped along it"
            )
        codec = default_codec(model, batch.images.shape[1:3]) if codec is None else codec
        decoded, certainty = codec.decode(answer)
        _check_answer(decoded, certainty, batch)
        points.append(decoded)
        scores.append(certainty)
        if sum(map(len, outputs)) < KEPT_OUTPUTS:
            outputs.append(answer)
        if answer.ndim == 4 and answer.shape[1] == decoded.shape[1]:
            ranges.append(np.ptp(answer, axis=(2, 3)))
            alike.append(_correlations(answer))
        batches.append((batch.sets, batch.names, batch.indices, _labels("predict", batch)))
    sets, names, indices, labels = zip(*batches, strict=True)
    return Predictions(
        np.concatenate(points).astype(np.float32),
        np.concatenate(scores).astype(np.float32),
        _joined("predict", labels),
        tuple(name for part in sets for name in part),
        tuple(name for part in names for name in part),
        np.concatenate(indices),
        np.concatenate(outputs)[:KEPT_OUTPUTS],
        MapStatistics(np.concatenate(ranges), np.concatenate(alike).mean(axis=0)) if ranges else None,
    )


def read_labels(dataset: Dataset, count: int = 1000, batch_size: int = 64) -> Labels:
    """Return the labels of the first `count` samples of a data set, or of all where there are fewer.

    Raises
    ------
    ValueError
        If the data set is empty, its images and labels have the wrong types or shapes, or a labelled joint has no
        finite position.
    """
    check_integer("read_labels", "count", count, 1)
    batches = _batches("read_labels", dataset, min(count, len(dataset)), batch_size)
    return _joined("read_labels", [_labels("read_labels", batch) for batch in batches])


def default_codec(
    model: Module, image_size: tuple[int, int], sigma: float = 1.5, decoder: str = "dark"
) -> pose.HeatmapCodec | pose.IntegralCodec | pose.RegressionCodec:
    """Return the codec of a model's head.

    Parameters
    ----------
    model : Module
        Its `head_kind` is one of `minipose.models.HEADS`, "heatmap" where it has none; unless that is "scalar", it says
        its `output_stride`.
    image_size : (int, int)
        Height and width of the images in pixels.
    sigma : float
        Width of the targets in cells of the maps. Default 1.5.
    decoder : {"dark", "quarter", "argmax"}
        Of heatmaps.

    Raises
    ------
    ValueError
        If the model does not say what is needed.
    """
    kind, stride = getattr(model, "head_kind", "heatmap"), getattr(model, "output_stride", None)
    if kind == "scalar":
        return pose.RegressionCodec(tuple(image_size))
    if stride is None:
        raise ValueError(f"default_codec: {type(model).__name__} has no output_stride, so the codec must be given")
    if kind == "integral":
        return pose.IntegralCodec(tuple(image_size), stride, sigma)
    return pose.HeatmapCodec(tuple(image_size), stride, sigma, decoder=decoder)


def _batches(caller: str, dataset: Dataset, count: int, batch_size: int) -> Iterator[Batch]:
    if len(dataset) == 0:
        raise ValueError(f"{caller}: the data set is empty")
    for start in range(0, count, batch_size):
        batch = dataset.batch(np.arange(start, min(start + batch_size, count)))
        images, points = np.asarray(batch.images), np.asarray(batch.points)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(
                f"{caller}: images must be uint8 of shape (N, H, W, 3), but {type(dataset).__name__} gives "
                f"{images.dtype} of shape {images.shape}, and points of shape {points.shape}; were images and labels "
                "exchanged?"
            )
        if points.ndim != 3 or points.shape[2] != 2 or points.shape[:2] != batch.visible.shape:
            raise ValueError(
                f"{caller}: points must have shape (N, J, 2) and visible (N, J), but {type(dataset).__name__} gives "
                f"{points.shape} and {batch.visible.shape}"
            )
        yield batch


def _labels(caller: str, batch: Batch) -> Labels:
    finite = np.isfinite(batch.points).all(axis=2)
    wrong = ~finite & (batch.visible > 0)
    if wrong.any():
        sample, joint = np.argwhere(wrong)[0]
        name = f" ({batch.names[sample]})" if batch.names[sample] else ""
        raise ValueError(
            f"{caller}: sample {batch.indices[sample]}{name} has joint {joint} labelled, with visible "
            f"{batch.visible[sample, joint]}, at {batch.points[sample, joint].tolist()}; give a joint without a "
            "position visible 0"
        )
    points = np.where(finite[..., None], batch.points, 0).astype(np.float32)
    hashes = tuple(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in batch.images)
    return Labels(points, batch.visible, batch.images.shape[1:3], hashes)


def _joined(caller: str, labels: list[Labels] | tuple[Labels, ...]) -> Labels:
    sizes = {part.image_size for part in labels}
    if len(sizes) > 1:
        raise ValueError(f"{caller}: images must be of one size, but there are {sorted(sizes)}")
    return Labels(
        np.concatenate([part.points for part in labels]),
        np.concatenate([part.visible for part in labels]),
        sizes.pop(),
        tuple(one for part in labels for one in part.hashes),
    )


def _check_answer(points: np.ndarray, scores: np.ndarray, batch: Batch) -> None:
    if points.shape != batch.points.shape or scores.shape != points.shape[:2]:
        raise ValueError(
            f"predict: the codec decoded points of shape {points.shape} and scores of shape {scores.shape}, but the "
            f"labels have shape {batch.points.shape}"
        )
    wrong = ~(np.isfinite(points).all(axis=2) & np.isfinite(scores))
    if wrong.any():
        sample, joint = np.argwhere(wrong)[0]
        raise ValueError(f"predict: the answer for joint {joint} of sample {batch.indices[sample]} is not finite")


def _correlations(maps: np.ndarray) -> np.ndarray:
    """Correlation (N, J, J) of the maps of each sample."""
    flat = maps.reshape(*maps.shape[:2], -1).astype(np.float32)
    flat = flat - flat.mean(axis=2, keepdims=True)
    length = np.linalg.norm(flat, axis=2, keepdims=True)
    flat = np.divide(flat, length, out=np.zeros_like(flat), where=length > 1e-6)
    return flat @ flat.swapaxes(1, 2)
