"""Arithmetic between images and numbers for each of their channels, and sums over their pixels.

As in `norm`, an image with its channels contiguous is a line of numbers, walked in stretches of whole pixels beside the
channels' numbers repeated to the same length: so the inner loop is long whatever C is. The numbers are those of all
images, or each image has its own; a batch is as many lines as there are sets of numbers.
"""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels import reference
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.memory import empty_like
from minipose.kernels.threads import get_num_threads

SMALL = 1 << 15  # below this many numbers, waking the threads costs more than they gain
STRETCH = 1024  # numbers walked at once, about: a few of such arrays fit the first-level cache
FEW = 16  # stretches summed in float32 before the sum goes to float64


@kernel(read(2, "C"), read(2, "C"), write(2, "C"))
def _add(x, values, y):
    stretch = values.shape[1]
    pieces = -(-x.shape[1] // stretch)
    for i in prange(x.shape[0] * pieces):
        line, start = i // pieces, i % pieces * stretch
        numbers, results = x[line, start : start + stretch], y[line, start : start + stretch]
        others = values[line]
        for j in range(numbers.size):
            results[j] = numbers[j] + others[j]


@kernel(read(2, "C"), read(2, "C"), write(2, "C"))
def _mul(x, values, y):
    stretch = values.shape[1]
    pieces = -(-x.shape[1] // stretch)
    for i in prange(x.shape[0] * pieces):
        line, start = i // pieces, i % pieces * stretch
        numbers, results = x[line, start : start + stretch], y[line, start : start + stretch]
        others = values[line]
        for j in range(numbers.size):
            results[j] = numbers[j] * others[j]


@kernel(read(2, "C"), write(3, "C", types.float64))
def _sums(x, sums):
    """sums[line, part] = the sum over that part of the line, by place in the stretch."""
    parts, stretch = sums.shape[1:]
    pieces = -(-x.shape[1] // stretch)
    for i in prange(x.shape[0] * parts):
        line, part = i // parts, i % parts
        total = np.empty(stretch, np.float32)
        begin, end = part * pieces // parts, (part + 1) * pieces // parts
        for start in range(begin, end, FEW):
            total[:] = 0
            for piece in range(start, min(start + FEW, end)):
                numbers = x[line, piece * stretch : (piece + 1) * stretch]
                for j in range(numbers.size):
                    total[j] += numbers[j]
            for j in range(stretch):
                sums[line, part, j] += total[j]


@kernel(read(2, "C"), read(2, "C"), write(3, "C", types.float64))
def _product_sums(x, other, sums):
    """As `_sums`, of x * other."""
    parts, stretch = sums.shape[1:]
    pieces = -(-x.shape[1] // stretch)
    for i in prange(x.shape[0] * parts):
        line, part = i // parts, i % parts
        total = np.empty(stretch, np.float32)
        begin, end = part * pieces // parts, (part + 1) * pieces // parts
        for start in range(begin, end, FEW):
            total[:] = 0
            for piece in range(start, min(start + FEW, end)):
                numbers = x[line, piece * stretch : (piece + 1) * stretch]
                others = other[line, piece * stretch : (piece + 1) * stretch]
                for j in range(numbers.size):
                    total[j] += numbers[j] * others[j]
            for j in range(stretch):
                sums[line, part, j] += total[j]


def fits(x: np.ndarray, values: np.ndarray) -> bool:
    """Return whether x (N C H W) is large, its channels contiguous, and values (1 or N, C, 1, 1) of its dtype."""
    return (
        x.size >= max(SMALL, 1)
        and x.ndim == values.ndim == 4
        and values.shape[0] in (1, x.shape[0])
        and values.shape[1:] == (x.shape[1], 1, 1)
        and x.dtype == values.dtype == np.float32
        and _is_channels_last(x)
    )


def _is_channels_last(x: np.ndarray) -> bool:
    return x.transpose(0, 2, 3, 1).flags.c_contiguous


def _lines(x: np.ndarray, count: int) -> np.ndarray:
    return x.transpose(0, 2, 3, 1).reshape(count, -1)


def _repeat(values: np.ndarray) -> np.ndarray:
    C = values.shape[1]
    return np.tile(values.reshape(-1, C), max(1, STRETCH // C))


def add(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """As `reference.add`, for arrays that `fits` says yes to."""
    result, count = empty_like(x), values.shape[0]
    _add(_lines(x, count), _repeat(values), _lines(result, count))
    return result


def mul(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """As `reference.mul`, for arrays that `fits` says yes to."""
    result, count = empty_like(x), values.shape[0]
    _mul(_lines(x, count), _repeat(values), _lines(result, count))
    return result


def sum_pixels(x: np.ndarray, other: np.ndarray | None = None, by_image: bool = False) -> np.ndarray:
    """As `reference.sum_pixels`: the workers' sums are added up in float64, always in the same order."""
    N, C = x.shape[:2]
    both = [x] if other is None else [x, other]
    alike = all(a.shape == x.shape and a.dtype == np.float32 and _is_channels_last(a) for a in both)
    if x.size < max(SMALL, 1) or not alike:
        return reference.sum_pixels(x, other, by_image)
    count = N if by_image else 1
    parts = -(-get_num_threads() // count)
    sums = np.zeros((count, parts, C * min(max(1, STRETCH // C), x.size // (count * C))))
    if other is None:
        _sums(_lines(x, count), sums)
    else:
        _product_sums(_lines(x, count), _lines(other, count), sums)
    return sums.reshape(count, -1, C).sum(1).astype(np.float32).reshape(count, C, 1, 1)
