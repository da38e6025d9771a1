"""Entry-by-entry kernels over lines of numbers, each array read and written once."""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from minipose.kernels import reference
from minipose.kernels.cpu import channels
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import lines
from minipose.kernels.cpu.memory import empty_like

SMALL = 1 << 15  # below this many numbers, waking the threads costs more than they gain
FEW_TO_COPY = 1 << 18  # the same where nothing is computed


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


def _large_lines(first: np.ndarray, *others: np.ndarray) -> list[np.ndarray] | None:
    return lines(first, *others) if first.size >= SMALL else None


def copy(x: np.ndarray) -> np.ndarray:
    """As `reference.copy`."""
    views = lines(x) if x.size >= FEW_TO_COPY else None
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
