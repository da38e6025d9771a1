"""Batch normalisation in array expressions."""

from __future__ import annotations

import math

from minipose.kernels import Array, cupy
from minipose.kernels.cuda.pointwise import relu_grad

AXES = (0, 2, 3)


def _per_channel(values: Array) -> Array:
    return values.reshape(1, -1, 1, 1)


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """As `reference.batch_statistics`."""
    return x.mean(axis=AXES), x.var(axis=AXES)


def batch_norm(
    x: Array,
    mean: Array,
    var: Array,
    weight: Array,
    bias: Array,
    eps: float,
    other: Array | None = None,
    relu: bool = False,
    ceiling: float = math.nan,
) -> Array:
    """As `reference.batch_norm`."""
    scale = weight / cupy().sqrt(var + eps)
    y = (x - _per_channel(mean)) * _per_channel(scale) + _per_channel(bias)
    y = y if other is None else y + other
    y = cupy().maximum(y, 0) if relu else y
    return cupy().where(y > ceiling, y.dtype.type(ceiling), y)


def batch_norm_grad(
    grad: Array,
    x: Array,
    mean: Array,
    var: Array,
    weight: Array,
    bias: Array,
    eps: float,
    relu: bool = False,
    ceiling: float = math.nan,
) -> tuple[Array, Array, Array]:
    """As `reference.batch_norm_grad`."""
    if relu:
        y = batch_norm(x, mean, var, weight, bias, eps)
        grad = cupy().where(y >= ceiling, grad.dtype.type(0), relu_grad(grad, y))
    rstd = 1 / cupy().sqrt(var + eps)
    normalised = (x - _per_channel(mean)) * _per_channel(rstd)
    count = x.size // x.shape[1]
    grad_bias = grad.sum(axis=AXES)
    grad_weight = (grad * normalised).sum(axis=AXES)
    centred = grad - _per_channel(grad_bias / count) - normalised * _per_channel(grad_weight / count)
    return centred * _per_channel(weight * rstd), grad_weight, grad_bias
