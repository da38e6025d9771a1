"""Arithmetic, sums, and Adam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def copy(x: np.ndarray) -> np.ndarray:
    """Return a copy of x whose axes are in the same order in memory."""
    return np.array(x, order="K")


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a + b, broadcast."""
    return np.add(a, b)


def sub(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a - b, broadcast."""
    return np.subtract(a, b)


def mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a * b, broadcast."""
    return np.multiply(a, b)


def sum_pixels(x: np.ndarray, other: np.ndarray | None = None, by_image: bool = False) -> np.ndarray:
    """Return the sum of x (N C H W), or of x * other, over H, W and N: 1 C 1 1; `by_image` not over N: N C 1 1."""
    return (x if other is None else x * other).sum((2, 3) if by_image else (0, 2, 3), keepdims=True)


def squared_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of (a - b)^2, as an array without axes."""
    return np.square(a - b).sum(keepdims=True).reshape(())


def scaled_difference(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return (a - b) * scale, for a scale without axes."""
    return (a - b) * scale


def adam_step(
    parameters: Sequence[np.ndarray],
    grads: Sequence[np.ndarray],
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    steps: Sequence[int],
) -> None:
    """Update parameters and their moments in place (Kingma & Ba 2015, algorithm 1), each at its own step."""
    for parameter, grad, m, v, step in zip(parameters, grads, first, second, steps, strict=True):
        if weight_decay:
            grad = grad + weight_decay * parameter
        m += (1 - beta1) * (grad - m)
        v += (1 - beta2) * (grad * grad - v)
        parameter -= lr / (1 - beta1**step) * m / (np.sqrt(v / (1 - beta2**step)) + eps)
