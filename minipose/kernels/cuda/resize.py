"""Resizing: two pixels mixed along rows, then along columns."""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.reference import Pair, Taps


def _mix(x: Array, axis: int, taps: Taps) -> Array:
    low, high, fraction = taps
    if fraction is None:
        return cupy().take(x, low, axis=axis)
    fraction = fraction.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return cupy().take(x, low, axis=axis) * (1 - fraction) + cupy().take(x, high, axis=axis) * fraction


def resize(x: Array, rows: Taps, columns: Taps) -> Array:
    """As `reference.resize`."""
    return _mix(_mix(x, 2, rows), 3, columns)


def _matrix(taps: Taps, length: int, dtype: object) -> Array:
    low, high, fraction = taps
    i = cupy().arange(len(low))
    matrix = cupy().zeros((len(low), length), dtype)
    matrix[i, low] = 1 if fraction is None else 1 - fraction
    if fraction is not None:
        matrix[i, high] += fraction
    return matrix


def resize_grad(grad: Array, rows: Taps, columns: Taps, size: Pair) -> Array:
    """As `reference.resize_grad`."""
    by_row, by_column = _matrix(rows, size[0], grad.dtype), _matrix(columns, size[1], grad.dtype)
    return cupy().matmul(cupy().matmul(by_row.T, grad), by_column)
