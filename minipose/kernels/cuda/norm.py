"""Batch normalisation in array expressions."""

from __future__ import annotations

from minipose.kernels import Array, cupy

AXES = (0, 2, 3)


def _per_channel(values: Array) -> Array:
    return values.reshape(1, -1, 1, 1)


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """As `reference.batch_statistics`."""
    return x.mean(axis=AXES), x.var(axis=AXES)


def batch_norm(x: Array, mean: Array, var: Array, weight: Array, bias: Array, eps: float) -> Array:
    """As `reference.batch_norm`."""
    scale = weight / cupy().sqrt(var + eps)
    return (x - _per_channel(mean)) * _per_channel(scale) + _per_channel(bias)


def batch_norm_grad(
    grad: Array, x: Array, mean: Array, var: Array, weight: Array, eps: float
) -> tuple[Array, Array, Array]:
    """As `reference.batch_norm_grad`."""
    rstd = 1 / cupy().sqrt(var + eps)
    normalised = (x - _per_channel(mean)) * _per_channel(rstd)
    count = x.size // x.shape[1]
    grad_bias = grad.sum(axis=AXES)
    grad_weight = (grad * normalised).sum(axis=AXES)
    centred = grad - _per_channel(grad_bias / count) - normalised * _per_channel(grad_weight / count)
    return centred * _per_channel(weight * rstd), grad_weight, grad_bias
