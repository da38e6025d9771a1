"""Batch normalisation: one pass for the statistics, one to apply them; the same again for the gradient.

An image is one line of numbers here, whose channels repeat every C. The kernels walk it in stretches of whole pixels,
beside numbers for each channel that are repeated to the same length: so the inner loop is long whatever C is.
A rectifier is a floor of 0, and perhaps a ceiling; one of NaN, which nothing is below or above, stands for none.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import contiguous_pixels, empty_image
from minipose.kernels.threads import get_num_threads

STRETCH = 1024  # numbers walked at once, about: a few of such arrays fit the first-level cache
FEW = 16  # stretches summed in float32 before the sum goes to float64

LINE, CHANNELS = read(1, "C"), read(1)


@numba.njit
def _repeat(values):
    """Return numbers for each channel, repeated to about `STRETCH`."""
    C = values.size
    line = np.empty(C * max(1, STRETCH // C), np.float32)
    for start in range(0, line.size, C):
        for c in range(C):
            line[start + c] = values[c]
    return line


@numba.njit
def _per_channel(sums, C):
    """Add up the workers' sums, always in the same order, to (2, C)."""
    result = np.zeros((2, C))
    for worker in range(sums.shape[0]):
        for start in range(0, sums.shape[2], C):
            for c in range(C):
                result[0, c] += sums[worker, 0, start + c]
                result[1, c] += sums[worker, 1, start + c]
    return result


@numba.njit(error_model="numpy")
def _scale_and_shift(mean, var, weight, bias, eps):
    """Return what x is multiplied by, and what is added then, each repeated as by `_repeat`."""
    scale, shift = np.empty(mean.size, np.float32), np.empty(mean.size, np.float32)
    for c in range(mean.size):
        scale[c] = weight[c] / np.sqrt(var[c] + np.float32(eps))
        shift[c] = bias[c] - mean[c] * scale[c]
    return _repeat(scale), _repeat(shift)


@numba.njit
def _floor(relu):
    return np.float32(0) if relu else np.float32(np.nan)


@kernel(LINE, write(1, "C"), write(1, "C"), types.int64)
def _statistics(x, mean, var, workers):
    """Sums are of differences to the first pixel: the squares of values far from zero would swallow the variance."""
    C = mean.size
    first = _repeat(x[:C])
    size, stretch = x.size, first.size
    pieces = -(-size // stretch)
    sums = np.empty((workers, 2, stretch))
    for worker in prange(workers):
        sums[worker] = 0
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
    differences, count = _per_channel(sums, C), size // C
    for c in range(C):
        offset = differences[0, c] / count
        mean[c] = x[c] + offset
        var[c] = max(differences[1, c] / count - offset * offset, 0)


@kernel(LINE, CHANNELS, CHANNELS, CHANNELS, CHANNELS, types.float64, types.boolean, types.float32, write(1, "C"))
def _normalise(x, mean, var, weight, bias, eps, relu, ceiling, y):
    scale, shift = _scale_and_shift(mean, var, weight, bias, eps)
    floor, stretch = _floor(relu), scale.size
    for piece in prange(-(-x.size // stretch)):
        values, results = x[piece * stretch : (piece + 1) * stretch], y[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j]
            value = floor if value < floor else value
            results[j] = ceiling if value > ceiling else value


@kernel(LINE, CHANNELS, CHANNELS, CHANNELS, CHANNELS, types.float64, types.boolean, types.float32, LINE, write(1, "C"))
def _normalise_and_add(x, mean, var, weight, bias, eps, relu, ceiling, other, y):
    scale, shift = _scale_and_shift(mean, var, weight, bias, eps)
    floor, stretch = _floor(relu), scale.size
    for piece in prange(-(-x.size // stretch)):
        values, results = x[piece * stretch : (piece + 1) * stretch], y[piece * stretch : (piece + 1) * stretch]
        others = other[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j] + others[j]
            value = floor if value < floor else value
            results[j] = ceiling if value > ceiling else value


@numba.njit(error_model="numpy")
def _slope_and_offset(sums, count, mean, var, weight, eps):
    """Return what the gradient's two terms in the statistics are as a line in x, each repeated as by `_repeat`."""
    slope, offset = np.empty(mean.size, np.float32), np.empty(mean.size, np.float32)
    for c in range(mean.size):
        rstd = 1 / np.sqrt(var[c] + eps)
        steep = -weight[c] * rstd * rstd * rstd * sums[1, c] / count
        slope[c] = steep
        offset[c] = -weight[c] * rstd * sums[0, c] / count - steep * mean[c]
    return _repeat(slope), _repeat(offset)


@kernel(LINE, LINE, CHANNELS, CHANNELS, CHANNELS, CHANNELS, types.float64, types.boolean, types.float32,
        write(1, "C"), write(1, "C"), write(1, "C"), types.int64)  # fmt: skip
def _gradients(grad, x, mean, var, weight, bias, eps, relu, ceiling, grad_x, grad_weight, grad_bias, workers):
    """First the sums of grad and of grad * (x - mean), where the result is not cut; with them, grad_x."""
    C = mean.size
    scale, shift = _scale_and_shift(mean, var, weight, bias, eps)
    centre, floor = _repeat(mean), _floor(relu)
    size, stretch = x.size, scale.size
    pieces = -(-size // stretch)
    parts = np.empty((workers, 2, stretch))
    for worker in prange(workers):
        parts[worker] = 0
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
                    product[j] += g * (values[j] - centre[j])
            for j in range(stretch):
                parts[worker, 0, j] += total[j]
                parts[worker, 1, j] += product[j]
    sums = _per_channel(parts, C)
    for c in range(C):
        grad_bias[c] = sums[0, c]
        grad_weight[c] = sums[1, c] / np.sqrt(var[c] + eps)
    slope, offset = _slope_and_offset(sums, size // C, mean, var, weight, eps)
    for piece in prange(pieces):
        values, grads = x[piece * stretch : (piece + 1) * stretch], grad[piece * stretch : (piece + 1) * stretch]
        results = grad_x[piece * stretch : (piece + 1) * stretch]
        for j in range(values.size):
            value = values[j] * scale[j] + shift[j]
            g = np.float32(0) if (value <= floor) | (value >= ceiling) else grads[j]
            results[j] = g * scale[j] + values[j] * slope[j] + offset[j]


def _line(x: np.ndarray) -> np.ndarray:
    """Return x (N C H W) as one line of numbers, channels fastest; a copy only where it is not one already."""
    return contiguous_pixels(x).reshape(-1)


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `reference.batch_statistics`."""
    mean, var = np.empty(x.shape[1], np.float32), np.empty(x.shape[1], np.float32)
    _statistics(_line(x), mean, var, get_num_threads())
    return mean, var


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
    if other is None:
        _normalise(_line(x), mean, var, weight, bias, eps, relu, ceiling, _line(result))
    else:
        _normalise_and_add(_line(x), mean, var, weight, bias, eps, relu, ceiling, _line(other), _line(result))
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
    result = empty_image(*x.shape)
    grad_weight, grad_bias = np.empty(x.shape[1], np.float32), np.empty(x.shape[1], np.float32)
    _gradients(_line(grad), _line(x), mean, var, weight, bias, eps, relu, ceiling,
               _line(result), grad_weight, grad_bias, get_num_threads())  # fmt: skip
    return result, grad_weight, grad_bias
