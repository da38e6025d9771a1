"""The squared error: one pass for the sum, one for the gradient."""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels import reference
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import lines
from minipose.kernels.cpu.memory import empty_like
from minipose.kernels.threads import get_num_threads

SMALL = 1 << 15  # below this many numbers, waking the threads costs more than they gain
STRETCH = 1024  # numbers walked at once: so many sums, in the first-level cache, are added to side by side
FEW = 16  # stretches summed in float32 before the sum goes to float64


@kernel(read(1, "C"), read(1, "C"), write(2, "C", types.float64))
def _squared_error(a, b, sums):
    """sums[worker, j] = the worker's sum over the j-th numbers of its stretches."""
    workers, stretch = sums.shape
    pieces = -(-a.size // stretch)
    for worker in prange(workers):
        total = np.empty(stretch, np.float32)
        begin, end = worker * pieces // workers, (worker + 1) * pieces // workers
        for start in range(begin, end, FEW):
            total[:] = 0
            for piece in range(start, min(start + FEW, end)):
                here, there = piece * stretch, (piece + 1) * stretch
                first, second = a[here:there], b[here:there]
                for j in range(first.size):
                    d = first[j] - second[j]
                    total[j] += d * d
            for j in range(stretch):
                sums[worker, j] += total[j]


@kernel(read(1, "C"), read(1, "C"), types.float32, write(1, "C"))
def _scaled_difference(a, b, scale, result):
    for i in prange(a.size):
        result[i] = (a[i] - b[i]) * scale


def squared_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.squared_error`; the workers' sums are added up in float64, always in the same order."""
    views = lines(a, b) if a.size >= SMALL else None
    if views is None:
        return reference.squared_error(a, b)
    sums = np.zeros((get_num_threads(), STRETCH))
    _squared_error(*views, sums)
    return np.asarray(sums.sum(), np.float32)


def scaled_difference(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """As `reference.scaled_difference`."""
    views = lines(a, b) if a.size >= SMALL else None
    if views is None:
        return reference.scaled_difference(a, b, scale)
    result = empty_like(a)
    _scaled_difference(*views, scale.item(), *lines(result))
    return result
