"""Batch normalisation: one pass for the statistics, one to apply them; the same again for the gradient.

An image is one line of numbers here, whose channels repeat every C. The kernels walk it in stretches of whole pixels,
beside numbers for each channel that are repeated to the same length: so the inner loop is long whatever C is.
A rectifier is a floor of 0, and perhaps a ceiling; one of NaN, which nothing is below or above, stands for none.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import as_pixels, empty_image
from minipose.kernels.threads import get_num_threads

STRETCH = 1024  # numbers walked at once, about: a few of such arrays fit the first-level cache
FEW = 16  # stretches summed in float32 before the sum goes to float64

_NONE = np.float32(np.nan)


@kernel(read(1, "C"), read(1, "C"), write(3, "C", types.float64))
def _sums(x, first, sums):
    """sums[worker] = sum of d and of d * d over the worker's part, d being the difference to the first pixel.

    Summed as they are, the squares of values far from zero would swallow the variance.
    """
    size, stretch, workers = x.size, first.size, sums.shape[0]
    pieces = -(-size // stretch)
    for worker in prange(workers):
        total, square = np.empty(stretch, np.float32), np.empty(stretch, np.float32)
        begin, end = worker * pieces // workers, (worker + 1) * pieces // workers
        for start in range(begin, end, FEW):
            total[:], square[:] = 0, 0
            for piece in range(start, min(start + FEW, end)):
                values = x[piece * stretch : (piece + 1) * stretch]
                for j in range(values.size):
                    d = values[j] - first[j]
                    total[j] += d
                    square[j] += d * d
            for j in range(stretch):
                sums[worker, 0, j] += total[j]
                sums[worker, 1, j] += square[j]


@kernel(read(1, "C"), read(1, "C"), read(1, "C"), types.float32, types.float32, write(1, "C"))
def _normalise(x, scale, shift, floor, ceiling, y):
    stretch = scale.size
    for piece in prange(-(-x.size // stretch)):
        values, results = x[piece * stretch : (piece + 1) * stretch], y[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j]
            value = floor if value < floor else value
            results[j] = ceiling if value > ceiling else value


@kernel(read(1, "C"), read(1, "C"), read(1, "C"), types.float32, types.float32, read(1, "C"), write(1, "C"))
def _normalise_and_add(x, scale, shift, floor, ceiling, other, y):
    stretch = scale.size
    for piece in prange(-(-x.size // stretch)):
        values, results = x[piece * stretch : (piece + 1) * stretch], y[piece * stretch : (piece + 1) * stretch]
        others = other[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j] + others[j]
            value = floor if value < floor else value
            results[j] = ceiling if value > ceiling else value


@kernel(read(1, "C"), read(1, "C"), read(2, "C"), types.float32, types.float32, write(3, "C", types.float64))
def _grad_sums(grad, x, lines, floor, ceiling, sums):
    """sums[worker] = sum of grad and of grad * (x - mean) over the worker's part, where the result is not cut."""
    mean, scale, shift = lines[0], lines[1], lines[2]
    size, stretch, workers = x.size, mean.size, sums.shape[0]
    pieces = -(-size // stretch)
    for worker in prange(workers):
        total, product = np.empty(stretch, np.float32), np.empty(stretch, np.float32)
        begin, end = worker * pieces // workers, (worker + 1) * pieces // workers
        for start in range(begin, end, FEW):
            total[:], product[:] = 0, 0
            for piece in range(start, min(start + FEW, end)):
                here, there = piece * stretch, (piece + 1) * stretch
                values, grads = x[here:there], grad[here:there]
                for j in range(values.size):
                    value = values[j] * scale[j] + shift[j]
                    g = np.float32(0) if (value <= floor) | (value >= ceiling) else grads[j]
                    total[j] += g
                    product[j] += g * (values[j] - mean[j])
            for j in range(stretch):
                sums[worker, 0, j] += total[j]
                sums[worker, 1, j] += product[j]


@kernel(read(1, "C"), read(1, "C"), read(2, "C"), types.float32, types.float32, write(1, "C"))
def _input_grad(grad, x, lines, floor, ceiling, result):
    scale, shift, slope, offset = lines[0], lines[1], lines[2], lines[3]
    stretch = scale.size
    for piece in prange(-(-x.size // stretch)):
        values, grads = x[piece * stretch : (piece + 1) * stretch], grad[piece * stretch : (piece + 1) * stretch]
        results = result[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j]
            g = np.float32(0) if (value <= floor) | (value >= ceiling) else grads[j]
            results[j] = g * scale[j] + values[j] * slope[j] + offset[j]


def _line(x: np.ndarray) -> np.ndarray:
    """Return x (N C H W) as one line of numbers, channels fastest; a copy only where it is not one already."""
    return as_pixels(x).reshape(-1)


def _repeat(*values: np.ndarray) -> np.ndarray:
    """Return numbers for each channel, each array a row, repeated to about `STRETCH`."""
    rows = np.array(values, np.float32)
    return np.tile(rows, max(1, STRETCH // rows.shape[1]))


def _worker_sums(stretch: int) -> np.ndarray:
    return np.zeros((get_num_threads(), 2, stretch))


def _per_channel(sums: np.ndarray, C: int) -> np.ndarray:
    """Add up the workers' sums, always in the same order, to (2, C)."""
    return sums.sum(0).reshape(2, -1, C).sum(1)


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `reference.batch_statistics`."""
    C = x.shape[1]
    values = _line(x)
    first = _repeat(values[:C])[0]
    sums = _worker_sums(first.size)
    _sums(values, first, sums)
    offset, square = _per_channel(sums, C) / (values.size // C)
    var = np.maximum(square - offset * offset, 0)
    return (values[:C] + offset).astype(np.float32), var.astype(np.float32)


def _scale_and_shift(
    mean: np.ndarray, var: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    scale = weight / np.sqrt(var + np.float32(eps))
    return scale, bias - mean * scale


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    other: np.ndarray | None = None,
    relu: bool = False,
    ceiling: float = math.nan,
) -> np.ndarray:
    """As `reference.batch_norm`."""
    result = empty_image(*x.shape)
    scale, shift = _repeat(*_scale_and_shift(mean, var, weight, bias, eps))
    floor = np.float32(0) if relu else _NONE
    if other is None:
        _normalise(_line(x), scale, shift, floor, ceiling, _line(result))
    else:
        _normalise_and_add(_line(x), scale, shift, floor, ceiling, _line(other), _line(result))
    return result


def batch_norm_grad(
    grad: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    relu: bool = False,
    ceiling: float = math.nan,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `reference.batch_norm_grad`, with the three terms of the input's gradient gathered into a line in x."""
    values, grads, C = _line(x), _line(grad), x.shape[1]
    floor = np.float32(0) if relu else _NONE
    scale, shift = _scale_and_shift(mean, var, weight, bias, eps)
    lines = _repeat(mean, scale, shift)
    sums = _worker_sums(lines.shape[1])
    _grad_sums(grads, values, lines, floor, ceiling, sums)
    total, product = _per_channel(sums, C)
    rstd = 1 / np.sqrt(var.astype(np.float64) + eps)
    count = values.size // C
    slope = -weight * rstd * rstd * rstd * product / count
    offset = -weight * rstd * total / count - slope * mean
    result = empty_image(*x.shape)
    _input_grad(grads, values, _repeat(scale, shift, slope, offset), floor, ceiling, _line(result))
    return result, (product * rstd).astype(np.float32), total.astype(np.float32)
