"""Memory for large results, kept for the next result of that size instead of being given back to the system.

The system hands out fresh memory page by page and clears each page first, which takes as long as the kernel that then
fills it; and a training step asks for the same sizes every time.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict

import numpy as np

SMALL = 1 << 18  # in bytes; below, the C library keeps the memory itself
LIMIT = 1 << 30  # in bytes; what would make the kept memory larger goes back to the system

_kept: dict[int, list[np.ndarray]] = defaultdict(list)  # by their number of float32s


def kept_bytes() -> int:
    """Return how much memory waits for its next use."""
    return 4 * sum(size * len(blocks) for size, blocks in list(_kept.items()))


class _Block:
    """Holds memory for the arrays made from it, as their base, and keeps it when the last of them is gone."""

    def __init__(self, memory: np.ndarray) -> None:
        self.memory = memory
        self.__array_interface__ = memory.__array_interface__

    def __del__(self) -> None:
        if kept_bytes() + self.memory.nbytes <= LIMIT:
            _kept[self.memory.size].append(self.memory)


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised float32 array in row-major order."""
    size = math.prod(shape)
    if 4 * size < SMALL:
        return np.empty(shape, np.float32)
    try:  # not a look first: another thread may take it in between
        memory = _kept[size].pop()
    except IndexError:
        memory = np.empty(size, np.float32)
    return np.asarray(_Block(memory)).reshape(shape)


def empty_like(array: np.ndarray) -> np.ndarray:
    """Return an uninitialised float32 array with the shape and the order of axes in memory of `array`."""
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    result = empty(tuple(array.shape[axis] for axis in order))
    return result.transpose([order.index(axis) for axis in range(array.ndim)])


class _ThisThread(threading.local):
    def __init__(self) -> None:
        self.buffers: dict[str, np.ndarray] = {}


def workspace(name: str, *shape: int) -> np.ndarray:
    """Return an uninitialised float32 array for the inside of a kernel: the same memory at every call by that name.

    It is the calling thread's until it asks by that name again. So a kernel's workspace is neither cleared by the
    system at each call, nor far from the caches.
    """
    size = math.prod(shape)
    buffer = _here.buffers.get(name)
    if buffer is None or buffer.size < size:
        buffer = _here.buffers[name] = np.empty(size, np.float32)
    return buffer[:size].reshape(shape)


_here = _ThisThread()
