"""Softmax, its logarithm, and their gradients."""

from __future__ import annotations

from minipose.kernels import Array, cupy


def softmax(x: Array, axis: int) -> Array:
    """As `reference.softmax`."""
    e = cupy().exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_grad(grad: Array, y: Array, axis: int) -> Array:
    """As `reference.softmax_grad`."""
    return y * (grad - (grad * y).sum(axis=axis, keepdims=True))


def log_softmax(x: Array, axis: int) -> Array:
    """As `reference.log_softmax`."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - cupy().log(cupy().exp(shifted).sum(axis=axis, keepdims=True))


def log_softmax_grad(grad: Array, y: Array, axis: int) -> Array:
    """As `reference.log_softmax_grad`."""
    return grad - cupy().exp(y) * grad.sum(axis=axis, keepdims=True)
