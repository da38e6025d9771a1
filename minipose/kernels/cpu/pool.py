"""Pooling over channels-last images: all channels of a pixel at once, and no check of an edge between them.

The gradients go by pixels, not by windows: each row of the image gathers from the windows that see it, so threads never
write to the same pixel, and what windows that overlap give it is added in one order.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.layout import contiguous_pixels, empty_image
from minipose.kernels.cpu.memory import empty
from minipose.kernels.reference import Pair


@numba.njit
def _inside(start, size, dilation, length):
    """Return the first tap, and one beyond the last, that meets one of `length` pixels: tap a is at start + a * d."""
    return max(0, -(start // dilation)), min(size, -((start - length) // dilation))


@kernel(read(4, "C"), write(4, "C"), write(4, "C", types.int64), PAIR, PAIR, PAIR, PAIR)
def _max_pool(x, y, places, size, stride, padding, dilation):
    N, H, W, C = x.shape
    OH, OW = y.shape[1:3]
    for item in prange(N * OH):
        n, i = item // OH, item % OH
        top = i * stride[0] - padding[0]
        first_row, last_row = _inside(top, size[0], dilation[0], H)
        for j in range(OW):
            left = j * stride[1] - padding[1]
            first, last = _inside(left, size[1], dilation[1], W)
            best, winner = y[n, i, j], places[n, i, j]
            if first_row >= last_row or first >= last:
                best[:], winner[:] = -np.inf, -1
                continue
            for a in range(first_row, last_row):
                for b in range(first, last):
                    h, w = top + a * dilation[0], left + b * dilation[1]
                    values, place = x[n, h, w], h * W + w
                    if a == first_row and b == first:
                        for c in range(C):
                            best[c], winner[c] = values[c], place
                        continue
                    for c in range(C):
                        # a NaN is neither less nor equal; one that stands there already stays
                        better = (not values[c] <= best[c]) & (best[c] == best[c])
                        best[c] = values[c] if better else best[c]
                        winner[c] = place if better else winner[c]


@kernel(read(4, "C"), read(4, "C", types.int64), write(4, "C"), PAIR, PAIR, PAIR, PAIR)
def _max_pool_grad(grad, places, result, size, stride, padding, dilation):
    _, OH, OW, C = grad.shape
    N, H, W, _ = result.shape
    for item in prange(N * H):
        n, h = item // H, item % H
        row = result[n, h]
        row[:] = 0
        for a in range(size[0]):
            i, rest = divmod(h + padding[0] - a * dilation[0], stride[0])
            if rest != 0 or i < 0 or i >= OH:
                continue
            for j in range(OW):
                left = j * stride[1] - padding[1]
                first, last = _inside(left, size[1], dilation[1], W)
                values, winner = grad[n, i, j], places[n, i, j]
                for b in range(first, last):
                    w = left + b * dilation[1]
                    pixel, place = row[w], h * W + w
                    for c in range(C):
                        pixel[c] += values[c] if winner[c] == place else np.float32(0)


@kernel(read(3, "C"), read(4, "C", types.int64), write(4, "C"))
def _take(x, places, y):
    N, OH, OW, C = y.shape
    for item in prange(N * OH):
        n, i = item // OH, item % OH
        for j in range(OW):
            for c in range(C):
                y[n, i, j, c] = x[n, places[n, i, j, c], c]


@kernel(read(4, "C"), read(2, "C"), write(4, "C"), PAIR, PAIR, PAIR)
def _average(x, share, y, size, stride, padding):
    N, H, W, C = x.shape
    OH, OW = y.shape[1:3]
    for item in prange(N * OH):
        n, i = item // OH, item % OH
        top = i * stride[0] - padding[0]
        first_row, last_row = _inside(top, size[0], 1, H)
        line = np.empty(C, np.float32)
        for j in range(OW):
            left = j * stride[1] - padding[1]
            first, last = _inside(left, size[1], 1, W)
            total, part = y[n, i, j], share[i, j]
            total[:] = 0
            for a in range(first_row, last_row):  # row by row: a long sum in float32 is less exact
                line[:] = 0
                for b in range(first, last):
                    values = x[n, top + a, left + b]
                    for c in range(C):
                        line[c] += values[c]
                for c in range(C):
                    total[c] += line[c]
            for c in range(C):
                total[c] *= part


@kernel(read(4, "C"), read(2, "C"), write(4, "C"), PAIR, PAIR, PAIR)
def _average_grad(grad, share, result, size, stride, padding):
    _, OH, OW, C = grad.shape
    N, H, W, _ = result.shape
    for item in prange(N * H):
        n, h = item // H, item % H
        row = result[n, h]
        row[:] = 0
        for a in range(size[0]):
            i, rest = divmod(h + padding[0] - a, stride[0])
            if rest != 0 or i < 0 or i >= OH:
                continue
            for j in range(OW):
                left = j * stride[1] - padding[1]
                first, last = _inside(left, size[1], 1, W)
                values, part = grad[n, i, j], share[i, j]
                for b in range(first, last):
                    pixel = row[left + b]
                    for c in range(C):
                        pixel[c] += values[c] * part


def max_pool2d(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """As `reference.max_pool2d`."""
    (N, C), (OH, OW) = x.shape[:2], size
    y = empty_image(N, C, OH, OW)
    places = empty((N, OH, OW, 2 * C)).view(np.int64)
    _max_pool(contiguous_pixels(x), y.transpose(0, 2, 3, 1), places, kernel, stride, padding, dilation)
    return y, places.transpose(0, 3, 1, 2)


def max_pool2d_grad(
    grad: np.ndarray, places: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """As `reference.max_pool2d_grad`."""
    result = empty_image(*grad.shape[:2], *size)
    target = result.transpose(0, 2, 3, 1)
    _max_pool_grad(contiguous_pixels(grad), contiguous_pixels(places), target, kernel, stride, padding, dilation)
    return result


def take_pixels(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """As `reference.take_pixels`."""
    N, C, H, W = x.shape
    y = empty_image(*places.shape)
    _take(contiguous_pixels(x).reshape(N, H * W, C), contiguous_pixels(places), y.transpose(0, 2, 3, 1))
    return y


def avg_pool2d(x: np.ndarray, share: np.ndarray, kernel: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """As `reference.avg_pool2d`."""
    y = empty_image(*x.shape[:2], *share.shape)
    _average(contiguous_pixels(x), np.ascontiguousarray(share), y.transpose(0, 2, 3, 1), kernel, stride, padding)
    return y


def avg_pool2d_grad(
    grad: np.ndarray, share: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair
) -> np.ndarray:
    """As `reference.avg_pool2d_grad`."""
    result = empty_image(*grad.shape[:2], *size)
    target = result.transpose(0, 2, 3, 1)
    _average_grad(contiguous_pixels(grad), np.ascontiguousarray(share), target, kernel, stride, padding)
    return result
