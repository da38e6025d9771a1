"""Memory layout: images with their channels contiguous, and arrays seen as one line of numbers."""

from __future__ import annotations

import numpy as np

from minipose.kernels.cpu.memory import empty


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


def lines(first: np.ndarray, *others: np.ndarray) -> list[np.ndarray] | None:
    """Return the arrays as lines of numbers in one common order, or None where they are not laid out alike."""
    arrays = (first, *others)
    if any(array.shape != first.shape or array.dtype != np.float32 for array in arrays):
        return None
    order = sorted(range(first.ndim), key=lambda axis: -first.strides[axis])
    views = [array.transpose(order) for array in arrays]
    return [view.reshape(-1) for view in views] if all(view.flags.c_contiguous for view in views) else None
