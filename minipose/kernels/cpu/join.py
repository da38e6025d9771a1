"""Joining images along their channels, and cutting them apart."""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels import reference
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import as_pixels, empty_image

SMALL = 1 << 15  # below this many numbers, waking the threads costs more than they gain


@kernel(read(2, "C"), types.int64, write(2, "C"))
def _place(x, start, y):
    """Copy x (pixels, channels) to the channels of y from `start` on."""
    for pixel in prange(x.shape[0]):
        numbers, places = x[pixel], y[pixel, start : start + x.shape[1]]
        for c in range(numbers.size):
            places[c] = numbers[c]


@kernel(read(2, "C"), types.int64, write(2, "C"))
def _take(x, start, y):
    """Copy to y (pixels, channels) the channels of x from `start` on."""
    for pixel in prange(y.shape[0]):
        numbers, places = x[pixel, start : start + y.shape[1]], y[pixel]
        for c in range(places.size):
            places[c] = numbers[c]


def _is_large_image(x: np.ndarray) -> bool:
    return x.size >= SMALL and x.dtype == np.float32 and x.transpose(0, 2, 3, 1).flags.c_contiguous


def concatenate_channels(*images: np.ndarray) -> np.ndarray:
    """As `reference.concatenate_channels`."""
    if not all(map(_is_large_image, images)):
        return reference.concatenate_channels(*images)
    N, _, H, W = images[0].shape
    result = empty_image(N, sum(x.shape[1] for x in images), H, W)
    start = 0
    for x in images:
        _place(as_pixels(x), start, as_pixels(result))
        start += x.shape[1]
    return result


def take_channels(x: np.ndarray, start: int, stop: int) -> np.ndarray:
    """As `reference.take_channels`; of large images a copy, whose channels later kernels find contiguous."""
    if not _is_large_image(x) or stop == start:
        return reference.take_channels(x, start, stop)
    result = empty_image(x.shape[0], stop - start, *x.shape[2:])
    _take(as_pixels(x), start, as_pixels(result))
    return result
