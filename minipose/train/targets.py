"""What a heatmap network is trained to answer, and how its answer is judged."""

from __future__ import annotations

import numpy as np

from minipose import pose
from minipose.data import Batch
from minipose.nn import Module
from minipose.ops import mse_loss
from minipose.tensor import Tensor

SIGMA = 1.5  # of the target Gaussians, in heatmap pixels


def heatmap_loss(model: Module, images: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the heatmaps, summed over the stacks of a stacked network.

    Every stack is trained to give the answer (intermediate supervision, Newell et al. 2016, section 3.2).

    Parameters
    ----------
    model : maps (N, 3, H, W) to (N, 16, h, w); one with `forward_stacks` to a list of them
    images : (N, 3, H, W)
    targets : (N, 16, h, w)
    weights : (N, 16), optional
        What each map counts; a map of weight 0 may hold anything. Default: all count 1.
    """
    stacks = model.forward_stacks(images) if hasattr(model, "forward_stacks") else [model(images)]
    if weights is not None:
        roots = (weights**0.5).reshape(*weights.shape, 1, 1)
        stacks, targets = [maps * roots for maps in stacks], targets * roots
    loss = mse_loss(stacks[0], targets)
    for maps in stacks[1:]:
        loss = loss + mse_loss(maps, targets)
    return loss


def targets_of(batch: Batch, stride: int, sigma: float = SIGMA) -> np.ndarray:
    """Return the target heatmaps (N, 16, h, w) of a batch for a network of this output stride."""
    size = batch.images.shape[1] // stride, batch.images.shape[2] // stride
    return pose.encode_heatmaps(batch.points, size, stride, sigma)


def weights_of(batch: Batch) -> np.ndarray:
    """Return what each joint counts in the loss, (N, 16): 0 where nobody has said where it is, else 1."""
    return (batch.visible > 0).astype(np.float32)
