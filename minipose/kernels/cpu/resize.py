"""Resizing and its gradient: one kernel, since both make rows out of a few rows, then pixels out of a few pixels.

What makes entry i of a line is a list of sources and their weights. The lists of the gradient are those of the resizing
the other way round: so no two threads write to one place, and everything is added in one order.
"""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import contiguous_pixels, empty_image
from minipose.kernels.reference import Pair, Taps

Lists = tuple[np.ndarray, np.ndarray, np.ndarray]  # sources, weights, where the list of each entry starts
INDICES = read(1, "C", types.int64)


@kernel(read(4, "C"), INDICES, read(1, "C"), INDICES, INDICES, read(1, "C"), INDICES, write(4, "C"))
def _mix(x, rows, row_weights, row_starts, columns, column_weights, column_starts, y):
    N, OH, OW, C = y.shape
    H, W = x.shape[1:3]
    lines = x.reshape(N, H, W * C)
    for item in prange(N * OH):
        n, i = item // OH, item % OH
        pixels = np.empty((W, C), np.float32)
        line, source = pixels.reshape(W * C), lines[n]
        first, last = row_starts[i], row_starts[i + 1]
        if last == first + 2:  # as upsampling has it everywhere: one pass instead of two
            one, two = source[rows[first]], source[rows[first + 1]]
            share, rest = row_weights[first], row_weights[first + 1]
            for j in range(line.size):
                line[j] = one[j] * share + two[j] * rest
        else:
            line[:] = 0
            for k in range(first, last):
                values, weight = source[rows[k]], row_weights[k]
                for j in range(line.size):
                    line[j] += values[j] * weight
        for j in range(OW):
            pixel, first, last = y[n, i, j], column_starts[j], column_starts[j + 1]
            if last == first + 2:
                left, right = pixels[columns[first]], pixels[columns[first + 1]]
                share, rest = column_weights[first], column_weights[first + 1]
                for c in range(C):
                    pixel[c] = left[c] * share + right[c] * rest
            else:
                pixel[:] = 0
                for k in range(first, last):
                    values, weight = pixels[columns[k]], column_weights[k]
                    for c in range(C):
                        pixel[c] += values[c] * weight


def _sources(taps: Taps) -> Lists:
    """Return what makes each new pixel of a line."""
    low, high, fraction = taps
    count = len(low)
    if fraction is None:
        return low.astype(np.int64), np.ones(count, np.float32), np.arange(count + 1)
    pixels = np.stack([low, high], 1).reshape(-1).astype(np.int64)
    weights = np.stack([1 - fraction, fraction], 1).reshape(-1).astype(np.float32)
    return pixels, weights, 2 * np.arange(count + 1)


def _targets(taps: Taps, length: int) -> Lists:
    """Return what each of the `length` old pixels of a line goes into."""
    pixels, weights, starts = _sources(taps)
    new = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.argsort(pixels, kind="stable")
    return new[order], weights[order], np.searchsorted(pixels[order], np.arange(length + 1))


def resize(x: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """As `reference.resize`."""
    y = empty_image(*x.shape[:2], len(rows[0]), len(columns[0]))
    _mix(contiguous_pixels(x), *_sources(rows), *_sources(columns), y.transpose(0, 2, 3, 1))
    return y


def resize_grad(grad: np.ndarray, rows: Taps, columns: Taps, size: Pair) -> np.ndarray:
    """As `reference.resize_grad`."""
    result = empty_image(*grad.shape[:2], *size)
    target = result.transpose(0, 2, 3, 1)
    _mix(contiguous_pixels(grad), *_targets(rows, size[0]), *_targets(columns, size[1]), target)
    return result
