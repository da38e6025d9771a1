"""Batch normalisation: one pass for the statistics, one to apply them; the same again for the gradient."""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import as_pixels, empty_image
from minipose.kernels.threads import get_num_threads

CHUNK = 256  # pixels summed in float32 before the sum goes to float64


@kernel(read(2, "C"), write(3, "C", types.float64))
def _sums(x, sums):
    """sums[worker] = sum of d and of d * d over the worker's pixels, d being the difference to the first pixel.

    Summed as they are, the squares of values far from zero would swallow the variance.
    """
    pixels, C = x.shape
    workers = sums.shape[0]
    for worker in prange(workers):
        begin, end = worker * pixels // workers, (worker + 1) * pixels // workers
        total, square = np.empty(C, np.float32), np.empty(C, np.float32)
        for start in range(begin, end, CHUNK):
            total[:], square[:] = 0, 0
            for r in range(start, min(start + CHUNK, end)):
                for c in range(C):
                    d = x[r, c] - x[0, c]
                    total[c] += d
                    square[c] += d * d
            for c in range(C):
                sums[worker, 0, c] += total[c]
                sums[worker, 1, c] += square[c]


@kernel(read(2, "C"), read(1), read(1), write(2, "C"))
def _scale_and_shift(x, scale, shift, y):
    for r in prange(x.shape[0]):
        for c in range(x.shape[1]):
            y[r, c] = x[r, c] * scale[c] + shift[c]


@kernel(read(2, "C"), read(2, "C"), read(1), write(3, "C", types.float64))
def _grad_sums(grad, x, mean, sums):
    """sums[worker] = sum of grad and of grad * (x - mean) over the worker's pixels."""
    pixels, C = x.shape
    workers = sums.shape[0]
    for worker in prange(workers):
        begin, end = worker * pixels // workers, (worker + 1) * pixels // workers
        total, product = np.empty(C, np.float32), np.empty(C, np.float32)
        for start in range(begin, end, CHUNK):
            total[:], product[:] = 0, 0
            for r in range(start, min(start + CHUNK, end)):
                for c in range(C):
                    total[c] += grad[r, c]
                    product[c] += grad[r, c] * (x[r, c] - mean[c])
            for c in range(C):
                sums[worker, 0, c] += total[c]
                sums[worker, 1, c] += product[c]


@kernel(read(2, "C"), read(2, "C"), read(1), read(1), read(1), write(2, "C"))
def _input_grad(grad, x, scale, slope, shift, result):
    for r in prange(x.shape[0]):
        for c in range(x.shape[1]):
            result[r, c] = grad[r, c] * scale[c] + x[r, c] * slope[c] + shift[c]


def _worker_sums(C: int) -> np.ndarray:
    return np.zeros((get_num_threads(), 2, C))


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `reference.batch_statistics`."""
    pixels = as_pixels(x)
    sums = _worker_sums(x.shape[1])
    _sums(pixels, sums)
    offset, square = sums.sum(0) / pixels.shape[0]
    var = np.maximum(square - offset * offset, 0)
    return (pixels[0] + offset).astype(np.float32), var.astype(np.float32)


def batch_norm(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float
) -> np.ndarray:
    """As `reference.batch_norm`."""
    pixels = as_pixels(x)
    result = empty_image(*x.shape)
    scale = weight / np.sqrt(var + np.float32(eps))
    _scale_and_shift(pixels, scale, bias - mean * scale, as_pixels(result))
    return result


def batch_norm_grad(
    grad: np.ndarray, x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `reference.batch_norm_grad`, with the three terms of the input's gradient gathered into a line in x."""
    pixels, grads = as_pixels(x), as_pixels(grad)
    sums = _worker_sums(x.shape[1])
    _grad_sums(grads, pixels, mean, sums)
    total, product = sums.sum(0)
    rstd = 1 / np.sqrt(var.astype(np.float64) + eps)
    count = pixels.shape[0]
    scale = weight * rstd
    slope = -scale * rstd * rstd * product / count
    shift = -scale * total / count - slope * mean
    result = empty_image(*x.shape)
    _input_grad(grads, pixels, *(a.astype(np.float32) for a in (scale, slope, shift)), as_pixels(result))
    return result, (product * rstd).astype(np.float32), total.astype(np.float32)
