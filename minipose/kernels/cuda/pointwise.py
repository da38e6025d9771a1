"""Entry-by-entry kernels."""

from __future__ import annotations

import importlib

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
    parameter: Array,
    grad: Array,
    first: Array,
    second: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
) -> None:
    """As `reference.adam_step`."""
    if weight_decay:
        grad = grad + weight_decay * parameter
    first += (1 - beta1) * (grad - first)
    second += (1 - beta2) * (grad * grad - second)
    scale = lr / (1 - beta1**step)
    parameter -= scale * first / (cupy().sqrt(second / (1 - beta2**step)) + eps)
