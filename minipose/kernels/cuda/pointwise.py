"""Entry-by-entry kernels."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from minipose.kernels import Array, cupy


def copy(x: Array) -> Array:
    """As `reference.copy`."""
    return x.copy(order="K")


def add(a: Array, b: Array) -> Array:
    """As `reference.add`."""
    return a + b


def sub(a: Array, b: Array) -> Array:
    """As `reference.sub`."""
    return a - b


def mul(a: Array, b: Array) -> Array:
    """As `reference.mul`."""
    return a * b


def sum_pixels(x: Array, other: Array | None = None, by_image: bool = False) -> Array:
    """As `reference.sum_pixels`."""
    return (x if other is None else x * other).sum((2, 3) if by_image else (0, 2, 3), keepdims=True)


def squared_error(a: Array, b: Array) -> Array:
    """As `reference.squared_error`."""
    difference = a - b
    return (difference * difference).sum()


def scaled_difference(a: Array, b: Array, scale: Array) -> Array:
    """As `reference.scaled_difference`."""
    return (a - b) * scale


def erf(x: Array) -> Array:
    """As `reference.erf`."""
    return importlib.import_module("cupyx.scipy.special").erf(x)


def relu(x: Array) -> Array:
    """As `reference.relu`."""
    return cupy().maximum(x, 0)


def relu_grad(grad: Array, y: Array) -> Array:
    """As `reference.relu_grad`."""
    return cupy().where(y > 0, grad, grad.dtype.type(0))


def adam_step(
    parameters: Sequence[Array],
    grads: Sequence[Array],
    first: Sequence[Array],
    second: Sequence[Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    steps: Sequence[int],
) -> None:
    """As `reference.adam_step`."""
    for parameter, grad, m, v, step in zip(parameters, grads, first, second, steps, strict=True):
        if weight_decay:
            grad = grad + weight_decay * parameter
        m += (1 - beta1) * (grad - m)
        v += (1 - beta2) * (grad * grad - v)
        parameter -= lr / (1 - beta1**step) * m / (cupy().sqrt(v / (1 - beta2**step)) + eps)
