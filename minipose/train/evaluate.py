"""Scores of a network on the test sets, and the line that it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minipose import pose
from minipose.autograd import no_grad
from minipose.creation import tensor
from minipose.data import StickFigures, to_input
from minipose.nn import Module

METRICS = ("pckh50", "epe_px", "report_score")


def predict_maps(model: Module, images: np.ndarray) -> np.ndarray:
    """Return the heatmaps (N, 16, h, w) of images (uint8, N H W 3), with the model in eval mode and no graph."""
    training = model.training
    device = next(model.parameters()).device
    model.eval()
    try:
        with no_grad():
            return model(tensor(to_input(images), device=device)).cpu().numpy()
    finally:
        model.train(training)


def predict(
    model: Module,
    figures: StickFigures,
    batch_size: int = 64,
    decode: Callable[..., tuple[np.ndarray, np.ndarray]] = pose.decode_dark,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predicted points (N, 16, 2), true points (N, 16, 2) and visibility (N, 16) of all samples, in order."""
    starts = range(0, len(figures), batch_size)
    batches = (figures.batch(np.arange(i, min(i + batch_size, len(figures)))) for i in starts)
    predicted, true, visible = [], [], []
    for batch in batches:
        points, _ = decode(predict_maps(model, batch.images), model.output_stride)
        predicted.append(points)
        true.append(batch.points)
        visible.append(batch.visible)
    return np.concatenate(predicted), np.concatenate(true), np.concatenate(visible)


def scores(predicted: np.ndarray, true: np.ndarray, visible: np.ndarray, image_size: int) -> dict[str, float]:
    """Return PCKh@0.5, EPE in pixels and report_score of predicted points (N, 16, 2)."""
    return {
        "pckh50": float(pose.pckh(predicted, true, visible)),
        "epe_px": float(pose.epe(predicted, true, visible)),
        "report_score": float(pose.report_score(predicted, true, image_size)),
    }


def evaluate(model: Module, figures: StickFigures, batch_size: int = 64) -> dict[str, float]:
    """Return the scores of a heatmap network on all samples of `figures`."""
    return scores(*predict(model, figures, batch_size), figures.size)


def evaluate_mean_pose(training: StickFigures, figures: StickFigures, count: int = 1000) -> dict[str, float]:
    """Return the scores of the average of `count` training poses, given as the answer to every image.

    A network that is not better than this line has not looked at the images.
    """
    mean = pose.mean_pose(training.batch(np.arange(min(count, len(training)))).points)
    batch = figures.batch(np.arange(len(figures)))
    return scores(np.broadcast_to(mean, batch.points.shape), batch.points, batch.visible, figures.size)


def table(results: dict[str, dict[str, float]], reference: dict[str, dict[str, float]]) -> str:
    """Return the scores set by set as text, the reference line (the mean pose) under them."""
    rows: Iterable[tuple[str, dict[str, Any]]] = [
        *results.items(),
        *((f"mean pose, {name}", values) for name, values in reference.items()),
    ]
    lines = [f"{'test set':<22}{'PCKh@0.5':>10}{'EPE (px)':>10}{'report_score':>14}"]
    for name, values in rows:
        lines.append(f"{name:<22}{values['pckh50']:>10.3f}{values['epe_px']:>10.2f}{values['report_score']:>14.3f}")
    lines.insert(1 + len(results), "-" * len(lines[0]))
    return "\n".join(lines)
