"""Entry-by-entry kernels over lines of numbers, each array read and written once."""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange

from minipose.kernels import reference
from minipose.kernels.cpu import channels
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import lines
from minipose.kernels.cpu.memory import empty_like

SMALL = 1 << 15  # below this many numbers, waking the threads costs more than they gain
TINY = 1 << 11  # below this many numbers, NumPy is done before the arrays are seen as lines
PIECE = 1 << 12  # how many parameters a thread updates at once


@kernel(read(1, "C"), write(1, "C"))
def _copy(x, result):
    for i in prange(x.size):
        result[i] = x[i]


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _add(a, b, result):
    for i in prange(a.size):
        result[i] = a[i] + b[i]


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _sub(a, b, result):
    for i in prange(a.size):
        result[i] = a[i] - b[i]


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _mul(a, b, result):
    for i in prange(a.size):
        result[i] = a[i] * b[i]


@kernel(read(1, "C"), write(1, "C"))
def _relu(x, result):
    for i in prange(x.size):
        result[i] = np.float32(0) if x[i] < 0 else x[i]  # a NaN is not below 0 and stays


@kernel(read(1, "C"), read(1, "C"), write(1, "C"))
def _relu_grad(grad, y, result):
    for i in prange(grad.size):
        result[i] = grad[i] if y[i] > 0 else np.float32(0)


@kernel(read(1, "C"), write(1, "C"))
def _erf(x, result):
    for i in prange(x.size):
        result[i] = math.erf(x[i])


@numba.njit(error_model="numpy")
def _update(parameter, grad, first, second, constants):
    beta1, beta2, step_size, scale2, eps, weight_decay = constants
    for i in range(parameter.size):
        g = grad[i] + weight_decay * parameter[i]
        m = first[i] + (np.float32(1) - beta1) * (g - first[i])
        v = second[i] + (np.float32(1) - beta2) * (g * g - second[i])
        first[i], second[i] = m, v
        parameter[i] -= step_size * m / (np.sqrt(v * scale2) + eps)


@kernel(write(1, "C"), read(1, "C"), write(1, "C"), write(1, "C"), read(1))
def _adam(parameter, grad, first, second, constants):
    for piece in prange(-(-parameter.size // PIECE)):
        here, there = piece * PIECE, (piece + 1) * PIECE
        _update(parameter[here:there], grad[here:there], first[here:there], second[here:there], constants)


@kernel(write(1, "C"), read(1, "C"), write(1, "C"), write(1, "C"), read(1), parallel=False)
def _adam_of_few(parameter, grad, first, second, constants):
    """As `_adam`, in the calling thread alone."""
    _update(parameter, grad, first, second, constants)


def _large_lines(first: np.ndarray, *others: np.ndarray) -> list[np.ndarray] | None:
    return lines(first, *others) if first.size >= SMALL else None


def copy(x: np.ndarray) -> np.ndarray:
    """As `reference.copy`."""
    views = _large_lines(x)
    if views is None:
        return reference.copy(x)
    result = empty_like(x)
    _copy(*views, *lines(result))
    return result


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.add`."""
    views = _large_lines(a, b)
    if views is None:
        return channels.add(a, b) if channels.fits(a, b) else reference.add(a, b)
    result = empty_like(a)
    _add(*views, *lines(result))
    return result


def sub(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.sub`."""
    views = _large_lines(a, b)
    if views is None:
        return reference.sub(a, b)
    result = empty_like(a)
    _sub(*views, *lines(result))
    return result


def mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.mul`."""
    views = _large_lines(a, b)
    if views is None:
        a, b = (a, b) if a.size >= b.size else (b, a)
        return channels.mul(a, b) if channels.fits(a, b) else reference.mul(a, b)
    result = empty_like(a)
    _mul(*views, *lines(result))
    return result


def erf(x: np.ndarray) -> np.ndarray:
    """As `reference.erf`, also for small arrays: that one is a loop of Python's."""
    x = x if lines(x) else np.ascontiguousarray(x)
    result = empty_like(x)
    _erf(*lines(x), *lines(result))
    return result


def relu(x: np.ndarray) -> np.ndarray:
    """As `reference.relu`."""
    views = _large_lines(x)
    if views is None:
        return reference.relu(x)
    result = empty_like(x)
    _relu(*views, *lines(result))
    return result


def relu_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As `reference.relu_grad`."""
    views = _large_lines(grad, y)
    if views is None:
        return reference.relu_grad(grad, y)
    result = empty_like(grad)
    _relu_grad(*views, *lines(result))
    return result


def adam_step(
    parameter: np.ndarray,
    grad: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
) -> None:
    """As `reference.adam_step`."""
    views = lines(parameter, grad, first, second) if parameter.size >= TINY else None
    if views is None:
        reference.adam_step(parameter, grad, first, second, lr, beta1, beta2, eps, weight_decay, step)
        return
    constants = (beta1, beta2, lr / (1 - beta1**step), 1 / (1 - beta2**step), eps, weight_decay)
    (_adam if parameter.size >= SMALL else _adam_of_few)(*views, np.array(constants, np.float32))
