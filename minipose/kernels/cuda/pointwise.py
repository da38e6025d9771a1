"""Entry-by-entry kernels."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from minipose.kernels import Array, cupy
from minipose.kernels.cuda.fused import elementwise

_relu_grad = elementwise("T grad, T y", "T passed", "passed = where(y > T(0), grad, T(0));", "minipose_relu_grad")
_adam = elementwise(
    "T grad, T rate, T scale, T share1, T share2, T eps, T weight_decay",
    "T parameter, T m, T v",
    """
    T g = grad + weight_decay * parameter;
    m += share1 * (g - m);
    v += share2 * (g * g - v);
    parameter -= rate * m / (sqrt(v * scale) + eps);
    """,
    "minipose_adam",
)


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
    return _relu_grad(grad, y, cupy().empty_like(grad))


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
        rate, scale = lr / (1 - beta1**step), 1 / (1 - beta2**step)
        _adam(grad, rate, scale, 1 - beta1, 1 - beta2, eps, weight_decay, parameter, m, v)
