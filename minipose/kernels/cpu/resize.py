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
        line = np.empty(W * C, np.float32)
        if row_starts[i] == row_starts[i + 1]:
            line[:] = 0
        for k in range(row_starts[i], row_starts[i + 1]):
            values, weight = lines[n, rows[k]], row_weights[k]
            if k == row_starts[i]:
                for j in range(values.size):
                    line[j] = values[j] * weight
            else:
                for j in range(values.size):
                    line[j] += values[j] * weight
        for j in range(OW):
            pixel, first, last = y[n, i, j], column_starts[j], column_starts[j + 1]
            if first == last:
                pixel[:] = 0
            elif last == first + 2:  # as upsampling has it everywhere: one pass instead of two
                a, b = line[columns[first] * C :][:C], line[columns[first + 1] * C :][:C]
                for c in range(C):
                    pixel[c] = a[c] * column_weights[first] + b[c] * column_weights[first + 1]
            else:
                for k in range(first, last):
                    values, weight = line[columns[k] * C :][:C], column_weights[k]
                    if k == first:
                        for c in range(C):
                            pixel[c] = values[c] * weight
                    else:
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
