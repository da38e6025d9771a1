"""Memory for large results, kept for the next result of that size instead of being given back to the system.

The system hands out fresh memory page by page and clears each page first, which takes as long as the kernel that then
fills it; and a training step asks for the same sizes every time.
"""

from __future__ import annotations

import functools
import math
import os
import threading
from collections import defaultdict

import numpy as np

SMALL = 1 << 18  # in bytes; below, the C library keeps the memory itself
LINE = 16  # float32 numbers in a cache line
LIMIT = 1 << 30  # in bytes; what would make the kept memory larger goes back to the system

_kept: dict[int, list[np.ndarray]] = defaultdict(list)  # by their number of float32s
_total = 0  # the float32s in all of them
_lock = threading.RLock()  # a collection of garbage may let go of one array in the midst of making another


def _after_fork() -> None:
    """Have a lock of its own in a forked child: another thread of the parent may have held this one."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def kept_bytes() -> int:
    """Return how much memory waits for its next use."""
    return 4 * _total


class _Block:
    """Holds memory for the arrays made from it, as their base, and keeps it when the last of them is gone."""

    __slots__ = ("memory", "__array_struct__")

    def __init__(self, memory: np.ndarray) -> None:
        self.memory = memory
        self.__array_struct__ = memory.__array_struct__

    def __del__(self) -> None:
        global _total
        size = self.memory.size
        with _lock:
            if 4 * (_total + size) <= LIMIT:
                _kept[size].append(self.memory)
                _total += size


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised float32 array in row-major order."""
    global _total
    size = math.prod(shape)
    if 4 * size < SMALL:
        return np.empty(shape, np.float32)
    with _lock:
        memory = _kept[size].pop() if _kept[size] else None
        if memory is not None:
            _total -= size
    if memory is None:
        memory = np.empty(size, np.float32)
    return np.asarray(_Block(memory)).reshape(shape)


@functools.lru_cache(maxsize=1024)
def _axes(strides: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the axes in their order in memory, slowest first, and the order that undoes this one."""
    order = sorted(range(len(strides)), key=lambda axis: -strides[axis])
    return order, [order.index(axis) for axis in range(len(strides))]


def empty_like(array: np.ndarray) -> np.ndarray:
    """Return an uninitialised float32 array with the shape and the order of axes in memory of `array`."""
    order, back = _axes(array.strides)
    shape = array.shape
    return empty(tuple([shape[axis] for axis in order])).transpose(back)


class _ThisThread(threading.local):
    def __init__(self) -> None:
        self.buffers: dict[str, np.ndarray] = {}


def workspace(name: str, *shape: int) -> np.ndarray:
    """Return an uninitialised float32 array for the inside of a kernel: the same memory at every call by that name.

    It is the calling thread's until it asks by that name again. So a kernel's workspace is neither cleared by the
    system at each call, nor far from the caches. It begins with a cache line, since a vector that lies across two takes
    twice as long to read.
    """
    size = math.prod(shape)
    buffer = _here.buffers.get(name)
    if buffer is None or buffer.size < size:
        memory = np.empty(size + LINE, np.float32)
        skipped = -memory.ctypes.data // 4 % LINE
        buffer = _here.buffers[name] = memory[skipped : skipped + size]
    return buffer[:size].reshape(shape)


_here = _ThisThread()
