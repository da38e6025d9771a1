"""Softmax, its logarithm, and their gradients.

An array is lines of L numbers that are normalised together. Where a line's numbers lie beside each other, as the
channels of a pixel do, lines are taken one by one, and their sums in whatever order fills a vector. Where they lie
apart, as the pixels of one channel do, a run of adjacent lines is taken at once, each with a sum of its own.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange

from minipose.kernels import reference
from minipose.kernels.cpu.compile import Kernel, kernel, read, write
from minipose.kernels.cpu.exponential import exp_of_negative
from minipose.kernels.cpu.memory import empty_like

SMALL = 1 << 13  # below this many numbers, waking the threads costs more than they gain
STRETCH = 1024  # numbers of whole lines whose exponentials are computed in one go, about
LONG = 64  # from this length on, a line's maximum is worth the start of a vector loop
RUN = 1024  # adjacent lines taken at once: their numbers fit the second-level cache, where they are read twice

_0, _1 = np.float32(0), np.float32(1)
_MAGNITUDE, _LEAST, _SIGN = np.int32(0x7FFFFFFF), np.int32(-0x7FFFFFFF), np.int32(31)

any_order = numba.njit(error_model="numpy", fastmath={"reassoc", "contract"})  # of additions: one for each lane


@numba.njit
def _ordered(bits):
    """Return a float32's bits as an integer, larger for a larger number; the way back is the same."""
    return np.int32(bits ^ np.int32(np.int32(bits >> _SIGN) & _MAGNITUDE))


@numba.njit
def _largest(x, start, stop, largest):
    """Write the largest number of each of the lines from start to stop; a NaN may be passed over."""
    if x.shape[1] < LONG:
        for i in range(start, stop):
            values, most = x[i], x[i, 0]
            for j in range(values.size):
                most = values[j] if values[j] > most else most
            largest[i - start] = most
        return
    for i in range(start, stop):
        bits, rank = x[i].view(np.int32), _LEAST
        for j in range(bits.size):  # the compiler makes vectors of comparisons of integers only
            number = _ordered(bits[j])
            rank = number if number > rank else rank
        largest[i - start] = np.int32(_ordered(rank)).view(np.float32)


@any_order
def _sum(values):
    total = _0
    for j in range(values.size):
        total += values[j]
    return total


@any_order
def _product_sum(a, b):
    total = _0
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@numba.njit
def _subtract_largest(x, start, stop, y):
    """Write to y what the numbers of lines start to stop have less than the largest of their line."""
    largest = np.empty(stop - start, np.float32)
    _largest(x, start, stop, largest)
    for i in range(start, stop):
        values, results, most = x[i], y[i], largest[i - start]
        for j in range(values.size):
            results[j] = values[j] - most


@kernel(read(2, "C"), write(2, "C"))
def _softmax(x, y):
    M, L = x.shape
    few = max(1, STRETCH // L)
    for part in prange(-(-M // few)):
        start, stop = part * few, min((part + 1) * few, M)
        _subtract_largest(x, start, stop, y)
        numbers = y[start:stop].reshape((stop - start) * L)
        for j in range(numbers.size):
            numbers[j] = exp_of_negative(numbers[j])
        for i in range(start, stop):
            results = y[i]
            scale = _1 / _sum(results)
            for j in range(results.size):
                results[j] *= scale


@kernel(read(2, "C"), read(2, "C"), write(2, "C"))
def _softmax_grad(grad, y, result):
    for i in prange(y.shape[0]):
        values, grads, results = y[i], grad[i], result[i]
        total = _product_sum(grads, values)
        for j in range(values.size):
            results[j] = values[j] * (grads[j] - total)


@kernel(read(2, "C"), write(2, "C"))
def _log_softmax(x, y):
    M, L = x.shape
    few = max(1, STRETCH // L)
    for part in prange(-(-M // few)):
        start, stop = part * few, min((part + 1) * few, M)
        _subtract_largest(x, start, stop, y)
        numbers = y[start:stop].reshape((stop - start) * L)
        exponentials = np.empty(numbers.size, np.float32)
        for j in range(numbers.size):
            exponentials[j] = exp_of_negative(numbers[j])
        for i in range(start, stop):
            results, begin = y[i], (i - start) * L
            log = np.log(_sum(exponentials[begin : begin + L]))
            for j in range(results.size):
                results[j] -= log


@kernel(read(2, "C"), read(2, "C"), write(2, "C"))
def _log_softmax_grad(grad, y, result):
    for i in prange(y.shape[0]):
        values, grads, results = y[i], grad[i], result[i]
        total = _sum(grads)
        for j in range(values.size):
            results[j] = grads[j] - exp_of_negative(values[j]) * total


@numba.njit
def _largest_of_each(x, n, start, stop, largest):
    """Write the largest number of lines start to stop; a NaN may be passed over."""
    largest[:] = x[n, 0, start:stop]
    for k in range(1, x.shape[1]):
        values = x[n, k, start:stop]
        for j in range(largest.size):
            largest[j] = values[j] if values[j] > largest[j] else largest[j]


@kernel(read(3, "C"), write(3, "C"))
def _softmax_apart(x, y):
    N, L, K = x.shape
    runs = -(-K // RUN)
    for item in prange(N * runs):
        n, start = item // runs, item % runs * RUN
        stop = min(start + RUN, K)
        largest, total = np.empty(stop - start, np.float32), np.zeros(stop - start, np.float32)
        _largest_of_each(x, n, start, stop, largest)
        for k in range(L):
            values, results = x[n, k, start:stop], y[n, k, start:stop]
            for j in range(largest.size):
                results[j] = exp_of_negative(values[j] - largest[j])
                total[j] += results[j]
        for j in range(total.size):
            total[j] = _1 / total[j]
        for k in range(L):
            results = y[n, k, start:stop]
            for j in range(total.size):
                results[j] *= total[j]


@kernel(read(3, "C"), read(3, "C"), write(3, "C"))
def _softmax_grad_apart(grad, y, result):
    N, L, K = y.shape
    runs = -(-K // RUN)
    for item in prange(N * runs):
        n, start = item // runs, item % runs * RUN
        stop = min(start + RUN, K)
        total = np.zeros(stop - start, np.float32)
        for k in range(L):
            values, grads = y[n, k, start:stop], grad[n, k, start:stop]
            for j in range(total.size):
                total[j] += grads[j] * values[j]
        for k in range(L):
            values, grads, results = y[n, k, start:stop], grad[n, k, start:stop], result[n, k, start:stop]
            for j in range(total.size):
                results[j] = values[j] * (grads[j] - total[j])


@kernel(read(3, "C"), write(3, "C"))
def _log_softmax_apart(x, y):
    N, L, K = x.shape
    runs = -(-K // RUN)
    for item in prange(N * runs):
        n, start = item // runs, item % runs * RUN
        stop = min(start + RUN, K)
        largest, total = np.empty(stop - start, np.float32), np.zeros(stop - start, np.float32)
        _largest_of_each(x, n, start, stop, largest)
        for k in range(L):
            values, results = x[n, k, start:stop], y[n, k, start:stop]
            for j in range(largest.size):
                results[j] = values[j] - largest[j]
                total[j] += exp_of_negative(results[j])
        for j in range(total.size):
            total[j] = np.log(total[j])
        for k in range(L):
            results = y[n, k, start:stop]
            for j in range(total.size):
                results[j] -= total[j]


@kernel(read(3, "C"), read(3, "C"), write(3, "C"))
def _log_softmax_grad_apart(grad, y, result):
    N, L, K = y.shape
    runs = -(-K // RUN)
    for item in prange(N * runs):
        n, start = item // runs, item % runs * RUN
        stop = min(start + RUN, K)
        total = np.zeros(stop - start, np.float32)
        for k in range(L):
            grads = grad[n, k, start:stop]
            for j in range(total.size):
                total[j] += grads[j]
        for k in range(L):
            values, grads, results = y[n, k, start:stop], grad[n, k, start:stop], result[n, k, start:stop]
            for j in range(total.size):
                results[j] = grads[j] - exp_of_negative(values[j]) * total[j]


def _run(near: Kernel, apart: Kernel, axis: int, *arrays: np.ndarray) -> np.ndarray | None:
    """Return what the kernels make of arrays, in the order of the last one's memory; None where they are small."""
    like = arrays[-1]
    if like.size < SMALL or any(array.dtype != np.float32 for array in arrays):
        return None
    order = sorted(range(like.ndim), key=lambda i: -like.strides[i])
    place = order.index(axis % like.ndim)
    result = empty_like(like)
    views = [np.ascontiguousarray(array.transpose(order)) for array in (*arrays, result)]
    shape = views[0].shape
    N, L, K = math.prod(shape[:place]), shape[place], math.prod(shape[place + 1 :])
    if K == 1:
        near(*(view.reshape(N, L) for view in views))
    else:
        apart(*(view.reshape(N, L, K) for view in views))
    return result


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """As `reference.softmax`."""
    result = _run(_softmax, _softmax_apart, axis, x)
    return reference.softmax(x, axis) if result is None else result


def softmax_grad(grad: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """As `reference.softmax_grad`."""
    result = _run(_softmax_grad, _softmax_grad_apart, axis, grad, y)
    return reference.softmax_grad(grad, y, axis) if result is None else result


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """As `reference.log_softmax`."""
    result = _run(_log_softmax, _log_softmax_apart, axis, x)
    return reference.log_softmax(x, axis) if result is None else result


def log_softmax_grad(grad: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """As `reference.log_softmax_grad`."""
    result = _run(_log_softmax_grad, _log_softmax_grad_apart, axis, grad, y)
    return reference.log_softmax_grad(grad, y, axis) if result is None else result
