"""What a heatmap network is trained to answer, and how its answer is judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose import pose
from minipose.data import Batch
from minipose.nn import Module
from minipose.tensor import Tensor
from minipose.train import losses

SIGMA = 1.5  # of the target Gaussians, in heatmap pixels


def outputs_of(model: Module, images: Tensor) -> Any:
    """Return what a network answers, as the losses take it: of a stacked one, with `forward_stacks`, a list."""
    return model.forward_stacks(images) if hasattr(model, "forward_stacks") else model(images)


def heatmap_loss(model: Module, images: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the heatmaps, summed over the stacks of a stacked network.

    Every stack is trained to give the answer (intermediate supervision, Newell et al. 2016, section 3.2).

    Parameters
    ----------
    model : maps (N, 3, H, W) to (N, 16, h, w); one with `forward_stacks` to a list of them
    images : (N, 3, H, W)
    targets : (N, 16, h, w)
    weights : (N, 16), optional
        What each joint counts. Default: 1.
    """
    return losses.heatmap_loss(outputs_of(model, images), targets, weights)


def targets_of(batch: Batch, stride: int, sigma: float = SIGMA) -> np.ndarray:
    """Return the target heatmaps (N, 16, h, w) of a batch for a network of this output stride."""
    size = batch.images.shape[1] // stride, batch.images.shape[2] // stride
    return pose.encode_heatmaps(batch.points, size, stride, sigma)
