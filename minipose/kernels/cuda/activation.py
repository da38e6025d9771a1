"""Activations and their gradients."""

from __future__ import annotations

from minipose.kernels import Array, cupy


def relu6(x: Array) -> Array:
    """As `reference.relu6`."""
    return cupy().minimum(cupy().maximum(x, 0), 6)


def relu6_grad(grad: Array, y: Array) -> Array:
    """As `reference.relu6_grad`."""
    return cupy().where((y > 0) & (y < 6), grad, grad.dtype.type(0))


def leaky_relu(x: Array, slope: float) -> Array:
    """As `reference.leaky_relu`."""
    return cupy().where(x > 0, x, x * slope)


def leaky_relu_grad(grad: Array, x: Array, slope: float) -> Array:
    """As `reference.leaky_relu_grad`."""
    return cupy().where(x > 0, grad, grad * slope)


def sigmoid(x: Array) -> Array:
    """As `reference.sigmoid`."""
    return cupy().tanh(x * 0.5) * 0.5 + 0.5


def sigmoid_grad(grad: Array, y: Array) -> Array:
    """As `reference.sigmoid_grad`."""
    return grad * (y * (1 - y))


def silu(x: Array) -> Array:
    """As `reference.silu`."""
    return x * sigmoid(x)


def silu_grad(grad: Array, x: Array) -> Array:
    """As `reference.silu_grad`."""
    s = sigmoid(x)
    return grad * (s * (1 + x * (1 - s)))


def hardsigmoid(x: Array) -> Array:
    """As `reference.hardsigmoid`."""
    return relu6(x + 3) / 6


def hardsigmoid_grad(grad: Array, y: Array) -> Array:
    """As `reference.hardsigmoid_grad`."""
    return cupy().where((y > 0) & (y < 1), grad / 6, grad.dtype.type(0))


def hardswish(x: Array) -> Array:
    """As `reference.hardswish`."""
    return x * relu6(x + 3) / 6


def hardswish_grad(grad: Array, x: Array) -> Array:
    """As `reference.hardswish_grad`."""
    slope = cupy().where(x >= 3, x.dtype.type(1), x / 3 + 0.5)
    return cupy().where(x <= -3, grad.dtype.type(0), grad * slope)
