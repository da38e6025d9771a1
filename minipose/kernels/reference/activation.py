"""Activations and their gradients."""

from __future__ import annotations

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return (_erf(x) if x.size else x).astype(x.dtype)


def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0); a NaN stays NaN."""
    return np.maximum(x, 0)


def relu_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad where y, the result of relu, is positive, and 0 elsewhere."""
    return np.where(y > 0, grad, grad.dtype.type(0))


def relu6(x: np.ndarray) -> np.ndarray:
    """Return min(max(x, 0), 6); a NaN stays NaN."""
    return np.minimum(np.maximum(x, 0), 6)


def relu6_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad where y, the result of relu6, is neither 0 nor 6, and 0 elsewhere."""
    return np.where((y > 0) & (y < 6), grad, grad.dtype.type(0))


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """Return x where it is positive, else slope * x."""
    return np.where(x > 0, x, x * slope)


def leaky_relu_grad(grad: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """Return grad where x is positive, else slope * grad."""
    return np.where(x > 0, grad, grad * slope)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), written as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    return np.tanh(x * 0.5) * 0.5 + 0.5


def sigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad times the slope of the sigmoid, of which y is the result."""
    return grad * (y * (1 - y))


def silu(x: np.ndarray) -> np.ndarray:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


def silu_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return grad times the slope of silu at x."""
    s = sigmoid(x)
    return grad * (s * (1 + x * (1 - s)))


def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """Return relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


def hardsigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad / 6 where y, the result of hardsigmoid, is neither 0 nor 1, and 0 elsewhere."""
    return np.where((y > 0) & (y < 1), grad / 6, grad.dtype.type(0))


def hardswish(x: np.ndarray) -> np.ndarray:
    """Return x * relu6(x + 3) / 6."""
    return x * relu6(x + 3) / 6


def hardswish_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return grad times the slope of hardswish at x: 0 up to -3, 1 from 3 on, x / 3 + 1 / 2 between."""
    slope = np.where(x >= 3, x.dtype.type(1), x / 3 + 0.5)
    return np.where(x <= -3, grad.dtype.type(0), grad * slope)
