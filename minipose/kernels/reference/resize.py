"""Resizing."""

from __future__ import annotations

import numpy as np

from minipose.kernels.reference.conv import Pair, _einsum

Taps = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]  # which pixels to mix, and the share of the second


def _mix(x: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    """Return (1 - fraction) * x[low] + fraction * x[high] along `axis`."""
    low, high, fraction = taps
    if fraction is None:
        return np.take(x, low, axis)
    fraction = fraction.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.take(x, low, axis) * (1 - fraction) + np.take(x, high, axis) * fraction


def resize(x: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Resize x (N C H W): every row, then every column, of the result is a mixture of two of x's, or one of them."""
    image = _mix(_mix(x.transpose(0, 2, 3, 1), 1, rows), 2, columns)
    return image.transpose(0, 3, 1, 2)


def _matrix(taps: Taps, length: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix that `_mix` multiplies a line of `length` pixels with."""
    low, high, fraction = taps
    i = np.arange(len(low))
    matrix = np.zeros((len(low), length), dtype)
    matrix[i, low] = 1 if fraction is None else 1 - fraction
    if fraction is not None:
        matrix[i, high] += fraction
    return matrix


def resize_grad(grad: np.ndarray, rows: Taps, columns: Taps, size: Pair) -> np.ndarray:
    """Return the gradient of an image of `size` (H, W) that `resize` made grad's image of."""
    by_row, by_column = (_matrix(taps, n, grad.dtype) for taps, n in zip((rows, columns), size, strict=True))
    return _einsum("ih,ncij,jw->nchw", by_row, grad, by_column, optimize=True)
