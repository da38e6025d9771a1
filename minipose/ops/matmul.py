"""Matrix products."""

from __future__ import annotations

from minipose.autograd import Function
from minipose.kernels import Array, kernels_of
from minipose.ops.checks import as_tensor, check_per_channel, check_tensor
from minipose.tensor import Tensor


class Matmul(Function):
    """y = a @ b, over the last two axes. From dy = da b + a db follow grad_a = grad b^T and grad_b = a^T grad."""

    name = "matmul"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(a).matmul(a, b)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        return (
            Matmul.apply(grad, b.transpose(-1, -2)) if wanted[0] else None,
            Matmul.apply(a.transpose(-1, -2), grad) if wanted[1] else None,
        )


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product of (..., M, K) and (..., K, N); a vector counts as a row before, a column after.

    Raises
    ------
    ValueError
        If the inner lengths differ, or the leading axes do not broadcast.
    TypeError
        If the dtypes differ.
    """
    input, other = as_tensor("matmul", input), as_tensor("matmul", other, "other")
    if input.dtype != other.dtype:
        raise TypeError(f"matmul: dtypes {input.dtype} and {other.dtype} differ; convert one with .to()")
    if 0 in (input.ndim, other.ndim):
        raise ValueError(f"matmul: shapes {input.shape} and {other.shape}; both need at least one axis")
    if input.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
        raise ValueError(f"matmul: inner lengths differ: {input.shape} @ {other.shape}; K must agree in M K and K N")
    if any(n != m and 1 not in (n, m) for n, m in zip(input.shape[-3::-1], other.shape[-3::-1], strict=False)):
        raise ValueError(f"matmul: leading axes of {input.shape} and {other.shape} do not broadcast")
    a = input.unsqueeze(0) if input.ndim == 1 else input
    b = other.unsqueeze(1) if other.ndim == 1 else other
    product = Matmul.apply(a, b)
    if other.ndim == 1:
        product = product.squeeze(-1)
    return product.squeeze(-1 if other.ndim == 1 else -2) if input.ndim == 1 else product


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight^T + bias.

    Parameters
    ----------
    input : (..., C)
    weight : (F, C), or (C,)
    bias : (F,), optional

    Raises
    ------
    ValueError
        If C differs between input and weight, or F between weight and bias.
    """
    check_tensor("linear", "input", input)
    check_tensor("linear", "weight", weight)
    if weight.ndim not in (1, 2):
        raise ValueError(f"linear: weight has shape {weight.shape}; it must be (F, C) or (C,)")
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(f"linear: input {input.shape} must end in C={weight.shape[-1]}, as weight {weight.shape} does")
    if weight.dtype != input.dtype:
        raise TypeError(f"linear: input is {input.dtype} but weight is {weight.dtype}; convert one with .to()")
    if bias is not None and weight.ndim == 2:
        check_per_channel("linear", "bias", bias, weight.shape[0], input, "F")
    elif bias is not None and bias.shape != ():
        raise ValueError(f"linear: a weight of shape (C,) makes one value, but bias has shape {bias.shape}")
    if weight.ndim == 1:
        product = matmul(input, weight)
    else:
        # One matrix of all rows, so that it is one call of the kernel and one gradient for the weight.
        rows = input.reshape(-1, input.shape[-1]) if input.numel() else input
        product = matmul(rows, weight.transpose(0, 1)).reshape(*input.shape[:-1], weight.shape[0])
    return product if bias is None else product + bias
