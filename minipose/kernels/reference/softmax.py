"""Softmax, its logarithm, and their gradients."""

from __future__ import annotations

import numpy as np


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """Return x minus its maximum, which changes no softmax and keeps exp from overflowing."""
    return x - x.max(axis, keepdims=True)


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Return exp(x_i) / sum_j exp(x_j) along `axis`; x has at least one entry."""
    e = np.exp(_shifted(x, axis))
    return e / e.sum(axis, keepdims=True)


def softmax_grad(grad: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """Return y_i (grad_i - sum_j grad_j y_j), y being the result of softmax."""
    return y * (grad - (grad * y).sum(axis, keepdims=True))


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Return x_i - log(sum_j exp(x_j)) along `axis`; x has at least one entry."""
    shifted = _shifted(x, axis)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def log_softmax_grad(grad: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """Return grad_i - exp(y_i) sum_j grad_j, y being the result of log_softmax."""
    return grad - np.exp(y) * grad.sum(axis, keepdims=True)
