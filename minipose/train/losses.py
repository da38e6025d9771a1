"""One loss for each codec: loss(outputs, targets, weights), with targets and weights as its `encode` gives them.

All are means over all joints, those of weight 0 too. So these have no gradient, and the gradients of the others do not
depend on how many are left out. The outputs of a stacked network, a list, are each compared with the same targets, and
the losses added (intermediate supervision, Newell et al. 2016, section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minipose.checks import check_integer, check_number
from minipose.creation import tensor
from minipose.nn import Module, js_divergence2d, soft_argmax2d
from minipose.ops import kl_div, log_softmax, mse_loss, smooth_l1_loss
from minipose.ops.checks import check_float_tensor
from minipose.pose import AffinityCodec, HeatmapCodec, IntegralCodec, RegressionCodec, SimCCCodec
from minipose.tensor import Tensor

Outputs = Tensor | Sequence[Tensor]


def outputs_of(model: Module, images: Tensor) -> Outputs:
    """Return what a network answers, as the losses take it: of a stacked one, with `forward_stacks`, a list."""
    return model.forward_stacks(images) if hasattr(model, "forward_stacks") else model(images)


def heatmap_loss(outputs: Outputs, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error of heatmaps, each joint's times its weight.

    Parameters
    ----------
    outputs : Tensor (N, J, h, w), or a list of them
    targets : Tensor (N, J, h, w)
    weights : Tensor (N, J), optional
        What each joint counts, 0 or more. Default: 1. Where all are 1, as they are for most batches, they are left
        out, because the bare loss is one pass over the maps and the weighted one four. Only on the CPU: on a GPU, to
        look at them would be to wait for everything before.

    Raises
    ------
    ValueError, TypeError
        If the shapes or types do not fit, or a weight is negative.
    """
    stacks = _stacks("heatmap_loss", outputs, "N J h w")
    _check_targets("heatmap_loss", targets, stacks[0].shape, "N J h w", stacks[0])
    weights = _checked_weights("heatmap_loss", weights, targets)
    if weights is not None:
        roots = weights.sqrt().reshape(*weights.shape, 1, 1)  # w (a - b)^2 = (sqrt(w) a - sqrt(w) b)^2
        targets = targets * roots
        stacks = [maps * roots for maps in stacks]
    return _added(mse_loss(maps, targets) for maps in stacks)


def integral_loss(
    outputs: Outputs,
    targets: Tensor,
    weights: Tensor | None = None,
    beta: float = 1.0,
    sigma: float = 1.0,
    regularization: float = 1.0,
) -> Tensor:
    """Return the distance of the maps' means from the targets, and how far the maps are from Gaussians around these.

    The distance is in half sides of the map, so that a map reaches from -1 to 1 as in DSNT (Nibali et al. 2018).
    Without the second term nothing keeps the map near its mean.

    Parameters
    ----------
    outputs : Tensor (N, J, h, w), or a list of them
        Unnormalised log-probabilities divided by beta.
    targets : Tensor (N, J, 2)
        Keypoints (x, y) in cells.
    weights : Tensor (N, J), optional
        What each joint counts, 0 or more. Default: 1.
    beta : float
        What the maps are multiplied with before the softmax. Default 1.
    sigma : float
        Standard deviation of the Gaussians in cells. Default 1.
    regularization : float
        What the divergence is multiplied with, lambda in the paper. Default 1; with 0 it is not computed.

    Raises
    ------
    ValueError, TypeError
        If the shapes or types do not fit, or a weight is negative.
    """
    name = "integral_loss"
    check_number(name, "regularization", regularization, 0)
    check_number(name, "beta", beta, 1e-6, 1e6)
    check_number(name, "sigma", sigma, 1e-6, 1e6)
    stacks = _stacks(name, outputs, "N J h w")
    N, J, h, w = stacks[0].shape
    _check_targets(name, targets, (N, J, 2), "N J 2", stacks[0])
    weights = _checked_weights(name, weights, targets)
    half_sides = tensor([w / 2, h / 2], dtype=targets.dtype, device=targets.device)

    def loss(maps: Tensor) -> Tensor:
        each = ((soft_argmax2d(maps, beta) - targets) / half_sides).norm(dim=-1)
        if regularization:
            each = each + js_divergence2d(maps, targets, sigma, beta) * regularization
        return _weighted_mean(each, weights)

    return _added(loss(maps) for maps in stacks)


def simcc_loss(outputs: Outputs, targets: Tensor, weights: Tensor | None = None, *, x_bins: int) -> Tensor:
    """Return the Kullback-Leibler divergences of the softmax of x and of that of y from the targets, added.

    Parameters
    ----------
    outputs : Tensor (N, J, split*(W+H)), or a list of them
        Unnormalised log-probabilities, those of x first.
    targets : Tensor (N, J, split*(W+H))
        Probabilities, of which those of x sum to 1 and those of y do.
    weights : Tensor (N, J), optional
        What each joint counts, 0 or more. Default: 1.
    x_bins : int
        How many of the entries belong to x: `SimCCCodec.x_bins`.

    Raises
    ------
    ValueError, TypeError
        If the shapes or types do not fit, or a weight is negative.
    """
    stacks = _stacks("simcc_loss", outputs, "N J split*(W+H)")
    _check_targets("simcc_loss", targets, stacks[0].shape, "N J split*(W+H)", stacks[0])
    bins = targets.shape[2]
    check_integer("simcc_loss", "x_bins", x_bins)
    if not 0 < x_bins < bins:
        raise ValueError(f"simcc_loss: x_bins must be from 1 to {bins - 1}, as targets have {bins} bins, not {x_bins}")
    weights = _checked_weights("simcc_loss", weights, targets)

    def loss(logits: Tensor) -> Tensor:
        x = kl_div(log_softmax(logits[:, :, :x_bins], -1), targets[:, :, :x_bins], "none").sum(-1)
        y = kl_div(log_softmax(logits[:, :, x_bins:], -1), targets[:, :, x_bins:], "none").sum(-1)
        return _weighted_mean(x + y, weights)

    return _added(loss(logits) for logits in stacks)


def regression_loss(outputs: Outputs, targets: Tensor, weights: Tensor | None = None, beta: float = 0.0) -> Tensor:
    """Return the mean absolute error of the coordinates, each joint's times its weight.

    Parameters
    ----------
    outputs : Tensor (N, J, 2), or a list of them
    targets : Tensor (N, J, 2)
        Coordinates (x, y), 0 to 1 from edge to edge.
    weights : Tensor (N, J), optional
        What each joint counts, 0 or more. Default: 1.
    beta : float
        Errors below it are squared, as in `smooth_l1_loss`. In sides of the image, so torch's default of 1 would square
        them all. Default 0, the absolute error.

    Raises
    ------
    ValueError, TypeError
        If the shapes or types do not fit, or a weight is negative.
    """
    check_number("regression_loss", "beta", beta, 0)
    stacks = _stacks("regression_loss", outputs, "N J 2")
    _check_targets("regression_loss", targets, (*stacks[0].shape[:2], 2), "N J 2", stacks[0])
    weights = _checked_weights("regression_loss", weights, targets)
    return _added(_weighted_mean(smooth_l1_loss(x, targets, "none", beta).mean(-1), weights) for x in stacks)


def loss_of(codec: Any) -> Callable[..., Tensor]:
    """Return the loss that trains a network whose outputs `codec` decodes: loss(outputs, targets, weights).

    Parameters
    ----------
    codec : AffinityCodec, HeatmapCodec, IntegralCodec, SimCCCodec or RegressionCodec

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(codec, (HeatmapCodec, AffinityCodec)):
        return heatmap_loss
    if isinstance(codec, IntegralCodec):
        return partial(integral_loss, beta=codec.beta, sigma=codec.sigma)
    if isinstance(codec, SimCCCodec):
        return partial(simcc_loss, x_bins=codec.x_bins)
    if isinstance(codec, RegressionCodec):
        return regression_loss
    raise TypeError(f"loss_of: codec must be one of minipose.pose's, not {codec!r}")


def _stacks(name: str, outputs: Outputs, axes: str) -> list[Tensor]:
    """Return the outputs as a list; raise unless all have one shape of these axes."""
    stacks = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if not stacks:
        raise ValueError(f"{name}: outputs are an empty list")
    for stack in stacks:
        check_float_tensor(name, "outputs", stack)
        if stack.ndim != len(axes.split()) or stack.shape != stacks[0].shape or 0 in stack.shape:
            raise ValueError(f"{name}: outputs must have shape ({', '.join(axes.split())}), got {stack.shape}")
    return stacks


def _check_targets(name: str, targets: Tensor, shape: tuple[int, ...], axes: str, outputs: Tensor) -> None:
    check_float_tensor(name, "targets", targets)
    if targets.shape != shape:
        raise ValueError(
            f"{name}: targets must have shape ({', '.join(axes.split())}) = {shape} for outputs of shape "
            f"{outputs.shape}, got {targets.shape}"
        )
    if targets.dtype != outputs.dtype:
        raise TypeError(f"{name}: targets are {targets.dtype} but outputs {outputs.dtype}; convert one with .to()")


def _checked_weights(name: str, weights: Tensor | None, targets: Tensor) -> Tensor | None:
    """Return the weights, or None where they are known to be 1."""
    if weights is None:
        return None
    check_float_tensor(name, "weights", weights)
    if weights.shape != targets.shape[:2]:
        raise ValueError(f"{name}: weights must have shape (N, J) = {targets.shape[:2]}, got {weights.shape}")
    if weights.dtype != targets.dtype:
        raise TypeError(f"{name}: weights are {weights.dtype} but targets {targets.dtype}; convert one with .to()")
    if weights.device != targets.device:
        raise ValueError(f"{name}: weights are on {weights.device!r} but targets on {targets.device!r}; use .to()")
    if weights.device != "cpu":
        return weights
    if not (weights.data >= 0).all():
        raise ValueError(f"{name}: weights must be 0 or more, and none NaN")
    return None if (weights.data == 1).all() else weights


def _weighted_mean(each: Tensor, weights: Tensor | None) -> Tensor:
    return each.mean() if weights is None else (each * weights).mean()


def _added(losses: Any) -> Tensor:
    first, *others = losses
    for loss in others:
        first = first + loss
    return first
