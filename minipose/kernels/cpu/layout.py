"""Memory layout: images with their channels contiguous, and arrays seen as one line of numbers."""

from __future__ import annotations

import functools

import numpy as np

from minipose.kernels.cpu.memory import empty

FLOAT32 = np.dtype(np.float32)


def channels_last(x: np.ndarray) -> np.ndarray:
    """Return x (N C H W) as an N H W C array whose channels are contiguous; a copy only where they are not."""
    view = x.transpose(0, 2, 3, 1)
    return view if view.strides[3] == view.itemsize or view.shape[3] == 1 else np.ascontiguousarray(view)


def contiguous_pixels(x: np.ndarray) -> np.ndarray:
    """Return x (N C H W) as a contiguous N H W C array; a copy only where it is not one already."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def as_pixels(x: np.ndarray) -> np.ndarray:
    """Return x (N C H W) as a contiguous (N H W, C) array; a copy only where it is not one already."""
    view = x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(view).reshape(-1, x.shape[1])


def empty_image(N: int, C: int, H: int, W: int) -> np.ndarray:
    """Return an uninitialised N C H W array whose memory is N H W C."""
    return empty((N, H, W, C)).transpose(0, 3, 1, 2)


@functools.lru_cache(maxsize=1024)
def _order(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[int] | None:
    """Return the axes of float32 numbers in their order in memory, slowest first; None where there are gaps."""
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    step = 4
    if 0 in shape:
        return order
    for axis in reversed(order):
        if shape[axis] != 1 and strides[axis] != step:
            return None
        step *= shape[axis]
    return order


def alike(first: np.ndarray, *others: np.ndarray) -> bool:
    """Whether these are float32 numbers in one common order in memory, without gaps."""
    shape, strides = first.shape, first.strides
    order = _order(shape, strides) if first.dtype == FLOAT32 else None
    if order is None:
        return False
    for array in others:
        if array.shape != shape or array.dtype != FLOAT32:
            return False
        if array.strides != strides and not array.transpose(order).flags.c_contiguous:  # axes of 1 may have any stride
            return False
    return True


def lines(*arrays: np.ndarray) -> list[np.ndarray] | None:
    """Return the arrays as lines of numbers in one common order, or None where they are not laid out alike."""
    return [array.ravel("K") for array in arrays] if alike(*arrays) else None
