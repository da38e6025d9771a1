"""Batch normalisation."""

from __future__ import annotations

import math

import numpy as np

from minipose.kernels.reference.activation import relu_grad


def _per_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, 1, 1)


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the biased variance of each channel of x (N C H W), over N, H and W."""
    return x.mean((0, 2, 3)), x.var((0, 2, 3))


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    other: np.ndarray | None = None,
    relu: bool = False,
    ceiling: float = math.nan,
) -> np.ndarray:
    """Return (x - mean) / sqrt(var + eps) * weight + bias, by channel; then + other, max(_, 0), min(_, ceiling).

    Each of these only if it is asked for; a ceiling of NaN is none.
    """
    mean, scale = _per_channel(mean), _per_channel(weight / np.sqrt(var + eps))
    y = (x - mean) * scale + _per_channel(bias)
    y = y if other is None else y + other
    y = np.maximum(y, 0) if relu else y
    return np.where(y > ceiling, y.dtype.type(ceiling), y)  # nothing is greater than NaN


def batch_norm_grad(
    grad: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    relu: bool = False,
    ceiling: float = math.nan,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of x, weight and bias where mean and var are x's own (Ioffe & Szegedy 2015, section 3)."""
    if relu:
        y = batch_norm(x, mean, var, weight, bias, eps)
        grad = np.where(y >= ceiling, grad.dtype.type(0), relu_grad(grad, y))
    rstd = 1 / np.sqrt(var + eps)
    normalised = (x - _per_channel(mean)) * _per_channel(rstd)
    count = x.shape[0] * x.shape[2] * x.shape[3]
    grad_bias = grad.sum((0, 2, 3))
    grad_weight = (grad * normalised).sum((0, 2, 3))
    centred = grad - _per_channel(grad_bias / count) - normalised * _per_channel(grad_weight / count)
    return centred * _per_channel(weight * rstd), grad_weight, grad_bias
