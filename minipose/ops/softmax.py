"""Softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose.autograd import Function, is_grad_enabled
from minipose.checks import is_integer, normalise_dims
from minipose.kernels import Array, kernels_of
from minipose.ops.checks import check_float_tensor, check_tensor
from minipose.tensor import Tensor


class Softmax(Function):
    """y_i = exp(x_i) / sum_j exp(x_j). From dy_i = y_i (dx_i - sum_j y_j dx_j), whose matrix is symmetric, follows
    grad_x = y (grad - sum(grad y)): by a kernel, unless the gradient is itself to be differentiated."""

    name = "softmax"
    fresh_gradients = True

    def forward(self, x: Array, axis: int) -> Array:
        self.axis = axis
        self.save_output()
        return kernels_of(x).softmax(x, axis) if x.size else x.copy()

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        y = self.saved_output
        if not is_grad_enabled() and y.numel():
            return (Tensor(kernels_of(y.data).softmax_grad(grad.data, y.data, self.axis)),)
        return (y * (grad - (grad * y).sum(self.axis, keepdim=True)),)


class LogSoftmax(Function):
    """y_i = x_i - log sum_j exp(x_j). From dy_i = dx_i - sum_j exp(y_j) dx_j follows grad_x = grad - exp(y) sum(grad).
    """

    name = "log_softmax"
    fresh_gradients = True

    def forward(self, x: Array, axis: int) -> Array:
        self.axis = axis
        self.save_output()
        return kernels_of(x).log_softmax(x, axis) if x.size else x.copy()

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        y = self.saved_output
        if not is_grad_enabled() and y.numel():
            return (Tensor(kernels_of(y.data).log_softmax_grad(grad.data, y.data, self.axis)),)
        return (grad - y.exp() * grad.sum(self.axis, keepdim=True),)


def _apply(function: type[Function], input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    name = function.name
    check_tensor(name, "input", input)
    if dtype is not None:
        input = input.to(_floating_point(name, dtype))
    check_float_tensor(name, "input", input)
    if not is_integer(dim):
        raise TypeError(f"{name}: dim must be an integer, the axis to normalise over, not {dim!r}")
    # A 0-d tensor counts as a vector of one, as in torch.
    (axis,) = normalise_dims(name, dim, max(input.ndim, 1))
    return function.apply(input, axis=axis) if input.ndim else function.apply(input.reshape(1), axis=0).reshape(())


def _floating_point(name: str, dtype: Any) -> np.dtype:
    """Return `dtype` as NumPy's; raise TypeError unless it is a floating-point type."""
    try:
        result = np.dtype(dtype) if isinstance(dtype, (str, type, np.dtype)) else None  # a Tensor has a dtype too
    except (TypeError, ValueError):
        result = None
    if result is None or result.kind != "f":
        raise TypeError(f"{name}: dtype must be float32 or float64, not {dtype!r}")
    return result


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """Return exp(input) divided by its sum over axis `dim`; an entry of -inf gets 0.

    Parameters
    ----------
    input : Tensor of any shape
    dim : int
        The axis that sums to 1. It must be given: torch guesses one and warns.
    dtype : data type, optional
        What the input is converted to first. Default: its own.

    Raises
    ------
    TypeError, ValueError
        If `dim` is missing or out of range, or the input holds integers and `dtype` is not given.
    """
    return _apply(Softmax, input, dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """Return log(softmax(input, dim)), accurate where the softmax is too small for a float; arguments as there."""
    return _apply(LogSoftmax, input, dim, dtype)
