"""Activations and their gradients, each array read and written once.

What is between two numbers is written as a choice, in which a NaN, neither below nor above, stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange, types

from minipose.kernels import reference
from minipose.kernels.cpu.compile import Kernel, kernel, read, write
from minipose.kernels.cpu.exponential import sigmoid_of
from minipose.kernels.cpu.layout import lines
from minipose.kernels.cpu.memory import empty_like

SMALL = 1 << 13  # below this many numbers, waking the threads costs more than they gain

_0, _1, _3, _6 = (np.float32(n) for n in (0, 1, 3, 6))
_THIRD, _SIXTH, _HALF = np.float32(1 / 3), np.float32(1 / 6), np.float32(0.5)


@kernel(read(1, "C"), write(1, "C"))
def _relu6(x, y):
    for i in prange(x.size):
        positive = _0 if x[i] < _0 else x[i]
        y[i] = _6 if positive > _6 else positive


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _relu6_grad(grad, y, result):
    for i in prange(grad.size):
        result[i] = grad[i] if _0 < y[i] and y[i] < _6 else _0


@kernel(read(1, "C"), types.float32, write(1, "C"))
def _leaky_relu(x, slope, y):
    for i in prange(x.size):
        y[i] = x[i] if x[i] > _0 else x[i] * slope


@kernel(read(1, "C"), read(1, "C"), types.float32, write(1, "C"))
def _leaky_relu_grad(grad, x, slope, result):
    for i in prange(grad.size):
        result[i] = grad[i] if x[i] > _0 else grad[i] * slope


@kernel(read(1, "C"), write(1, "C"))
def _sigmoid(x, y):
    for i in prange(x.size):
        y[i] = sigmoid_of(x[i])


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _sigmoid_grad(grad, y, result):
    for i in prange(grad.size):
        result[i] = grad[i] * (y[i] * (_1 - y[i]))


@kernel(read(1, "C"), write(1, "C"))
def _silu(x, y):
    for i in prange(x.size):
        y[i] = x[i] * sigmoid_of(x[i])


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _silu_grad(grad, x, result):
    for i in prange(grad.size):
        s = sigmoid_of(x[i])
        result[i] = grad[i] * (s * (_1 + x[i] * (_1 - s)))


@kernel(read(1, "C"), write(1, "C"))
def _hardsigmoid(x, y):
    for i in prange(x.size):
        positive = _0 if x[i] < -_3 else x[i] + _3
        y[i] = (_6 if positive > _6 else positive) * _SIXTH


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _hardsigmoid_grad(grad, y, result):
    for i in prange(grad.size):
        result[i] = grad[i] * _SIXTH if _0 < y[i] and y[i] < _1 else _0


@kernel(read(1, "C"), write(1, "C"))
def _hardswish(x, y):
    for i in prange(x.size):
        positive = _0 if x[i] < -_3 else x[i] + _3
        y[i] = x[i] * (_6 if positive > _6 else positive) * _SIXTH


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _hardswish_grad(grad, x, result):
    for i in prange(grad.size):
        slope = _1 if x[i] >= _3 else x[i] * _THIRD + _HALF
        result[i] = _0 if x[i] <= -_3 else grad[i] * slope


def _run(compiled: Kernel, arrays: tuple[np.ndarray, ...], *options: Any) -> np.ndarray | None:
    """Return what the kernel makes of the arrays; None where they are small, or not laid out alike."""
    views = lines(*arrays) if arrays[0].size >= SMALL else None
    if views is None:
        return None
    result = empty_like(arrays[0])
    compiled(*views, *options, *lines(result))
    return result


def relu6(x: np.ndarray) -> np.ndarray:
    """As `reference.relu6`."""
    result = _run(_relu6, (x,))
    return reference.relu6(x) if result is None else result


def relu6_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As `reference.relu6_grad`."""
    result = _run(_relu6_grad, (grad, y))
    return reference.relu6_grad(grad, y) if result is None else result


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """As `reference.leaky_relu`."""
    result = _run(_leaky_relu, (x,), slope)
    return reference.leaky_relu(x, slope) if result is None else result


def leaky_relu_grad(grad: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """As `reference.leaky_relu_grad`."""
    result = _run(_leaky_relu_grad, (grad, x), slope)
    return reference.leaky_relu_grad(grad, x, slope) if result is None else result


def sigmoid(x: np.ndarray) -> np.ndarray:
    """As `reference.sigmoid`."""
    result = _run(_sigmoid, (x,))
    return reference.sigmoid(x) if result is None else result


def sigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As `reference.sigmoid_grad`."""
    result = _run(_sigmoid_grad, (grad, y))
    return reference.sigmoid_grad(grad, y) if result is None else result


def silu(x: np.ndarray) -> np.ndarray:
    """As `reference.silu`."""
    result = _run(_silu, (x,))
    return reference.silu(x) if result is None else result


def silu_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """As `reference.silu_grad`."""
    result = _run(_silu_grad, (grad, x))
    return reference.silu_grad(grad, x) if result is None else result


def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """As `reference.hardsigmoid`."""
    result = _run(_hardsigmoid, (x,))
    return reference.hardsigmoid(x) if result is None else result


def hardsigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As `reference.hardsigmoid_grad`."""
    result = _run(_hardsigmoid_grad, (grad, y))
    return reference.hardsigmoid_grad(grad, y) if result is None else result


def hardswish(x: np.ndarray) -> np.ndarray:
    """As `reference.hardswish`."""
    result = _run(_hardswish, (x,))
    return reference.hardswish(x) if result is None else result


def hardswish_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """As `reference.hardswish_grad`."""
    result = _run(_hardswish_grad, (grad, x))
    return reference.hardswish_grad(grad, x) if result is None else result
