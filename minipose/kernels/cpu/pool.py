"""Max pooling over channels-last images."""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.layout import channels_last, empty_image
from minipose.kernels.reference import Pair


@kernel(read(4), write(4), write(4, dtype=types.int64), PAIR, PAIR, PAIR, PAIR)
def _max_pool(x, y, places, kernel_size, stride, padding, dilation):
    N, H, W, C = x.shape
    OH, OW = y.shape[1:3]
    for item in prange(N * OH):
        n, i = item // OH, item % OH
        for j in range(OW):
            for c in range(C):
                best, place = np.float32(-np.inf), -1
                for a in range(kernel_size[0]):
                    h = i * stride[0] + a * dilation[0] - padding[0]
                    if h < 0 or h >= H:
                        continue
                    for b in range(kernel_size[1]):
                        w = j * stride[1] + b * dilation[1] - padding[1]
                        if w < 0 or w >= W:
                            continue
                        value = x[n, h, w, c]
                        if place < 0 or value > best or (np.isnan(value) and not np.isnan(best)):
                            best, place = value, h * W + w
                y[n, i, j, c] = best
                places[n, i, j, c] = place


@kernel(read(4), read(4, dtype=types.int64), write(4))
def _max_pool_grad(grad, places, result):
    N, OH, OW, C = grad.shape
    W = result.shape[2]
    for n in prange(N):  # windows of one image may overlap, so one thread does them all
        result[n] = 0
        for i in range(OH):
            for j in range(OW):
                for c in range(C):
                    place = places[n, i, j, c]
                    result[n, place // W, place % W, c] += grad[n, i, j, c]


def max_pool2d(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """As `reference.max_pool2d`."""
    y = empty_image(*x.shape[:2], *size)
    places = np.empty(y.transpose(0, 2, 3, 1).shape, np.int64)
    _max_pool(channels_last(x), y.transpose(0, 2, 3, 1), places, kernel, stride, padding, dilation)
    return y, places.transpose(0, 3, 1, 2)


def max_pool2d_grad(
    grad: np.ndarray, places: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """As `reference.max_pool2d_grad`."""
    result = empty_image(*grad.shape[:2], *size)
    _max_pool_grad(channels_last(grad), places.transpose(0, 2, 3, 1), result.transpose(0, 2, 3, 1))
    return result
