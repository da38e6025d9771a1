"""Arithmetic, entry by entry, with broadcasting.

The backward of a broadcast operation returns gradients in the broadcast shape; the engine sums them back.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.kernels import Array, array_module, device_of, kernels_of, to_device
from minipose.ops.checks import as_tensor
from minipose.tensor import Tensor, float32

Operand = Any  # Tensor, array or Python number
CATEGORIES = {"b": 0, "u": 1, "i": 1, "f": 2}  # by the kind of a dtype


def operands(name: str, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """Return a and b ready for a binary operation: numbers stay numbers, arrays are wrapped, dtypes follow torch.

    A float wins over an integer whatever their widths (NumPy would make float64 of int64 and float32), an integer over
    a boolean, and among floats, or among integers, one with axes over a 0-d tensor.
    """
    a, b = (x.item() if isinstance(x, np.generic) else x for x in (a, b))
    a, b = (x if isinstance(x, (Tensor, bool, int, float)) else as_tensor(name, x, "operand") for x in (a, b))
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        raise TypeError(f"{name}: one of the operands must be a Tensor, not {a!r} and {b!r}")
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.dtype != b.dtype:
            kinds = [CATEGORIES[x.dtype.kind] for x in (a, b)]
            a_leads = (kinds[0], a.ndim > 0) > (kinds[1], b.ndim > 0) and kinds[0] > 0
            b_leads = (kinds[1], b.ndim > 0) > (kinds[0], a.ndim > 0) and kinds[1] > 0
            a, b = a.to(b.dtype) if b_leads else a, b.to(a.dtype) if a_leads else b
        if a.shape != b.shape and any(
            n != m and 1 not in (n, m) for n, m in zip(a.shape[::-1], b.shape[::-1], strict=False)
        ):
            raise ValueError(f"{name}: shapes {a.shape} and {b.shape} do not broadcast")
    return a, b


def _float_operands(name: str, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """As `operands`, for an operation whose result is not an integer."""
    a, b = operands(name, a, b)
    return tuple(x.to(float32) if isinstance(x, Tensor) and x.dtype.kind != "f" else x for x in (a, b))


def numeric_operands(name: str, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """As `operands`; an integer tensor meeting a Python float becomes float32."""
    if any(isinstance(x, (float, np.floating)) for x in (a, b)):
        return _float_operands(name, a, b)
    return operands(name, a, b)


class Add(Function):
    """d(a + b) = da + db."""

    name = "add"

    def forward(self, a: Array, b: Array) -> Array:
        return kernels_of(a).add(a, b) if hasattr(a, "shape") and hasattr(b, "shape") else a + b

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return grad, grad


class Sub(Function):
    """d(a - b) = da - db."""

    name = "sub"

    def forward(self, a: Array, b: Array) -> Array:
        return kernels_of(a).sub(a, b) if hasattr(a, "shape") and hasattr(b, "shape") else a - b

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return grad, -grad if wanted[1] else None


class Mul(Function):
    """d(a b) = b da + a db."""

    name = "mul"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(a).mul(a, b) if hasattr(a, "shape") and hasattr(b, "shape") else a * b

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        return _times(grad, b, a) if wanted[0] else None, _times(grad, a, b) if wanted[1] else None


class SumOfProducts(Function):
    """y = sum of a b over H and W, for each image and channel: dy = sum(b da) + sum(a db)."""

    name = "sum_of_products"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(a).sum_pixels(a, b, True)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        return grad * b if wanted[0] else None, grad * a if wanted[1] else None


def _times(grad: Tensor, factor: Operand, like: Operand) -> Tensor:
    """Return grad * factor, summed over H and W at once where `like` scales the channels of images (N C H W)."""
    if isinstance(factor, Tensor) and grad.ndim == 4 and grad.shape != like.shape == (*grad.shape[:2], 1, 1):
        return SumOfProducts.apply(grad, factor)
    return grad * factor


class Div(Function):
    """d(a / b) = da / b - (a / b) db / b."""

    name = "div"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return a / b

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        return grad / b if wanted[0] else None, -(grad / b) * (a / b) if wanted[1] else None


class Pow(Function):
    """d(a^b) = b a^(b-1) da + a^b log(a) db, with 0 for b = 0 whatever a, and 0 for db where a = 0."""

    name = "pow"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return a**b

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        grad_a = grad_b = None
        if wanted[0]:
            if isinstance(b, numbers.Real):
                grad_a = grad * (b * a ** (b - 1)) if b != 0 else grad * 0
            else:
                zero = Tensor((b.data == 0).astype(b.dtype))
                grad_a = grad * (b * a ** (b - 1 + zero)) * (1 - zero)
        if wanted[1]:
            a = a if isinstance(a, Tensor) else Tensor(array_module(b.data).full_like(b.data, a))
            zero = Tensor((a.data == 0).astype(a.dtype))
            grad_b = grad * (a**b * (a + zero).log()) * (1 - zero)
        return grad_a, grad_b


class Neg(Function):
    """d(-x) = -dx."""

    name = "neg"

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (-grad,)


class To(Function):
    """Move to a device or convert to a dtype; the gradient goes the way back (the engine restores the dtype)."""

    name = "to"

    def forward(self, x: Array, device: str, dtype: Any) -> Array:
        self.device = device_of(x)
        moved = to_device(x, device)
        return moved if moved.dtype == dtype else moved.astype(dtype)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (To.apply(grad, device=self.device, dtype=grad.dtype),)


def add(input: Operand, other: Operand) -> Tensor:
    """Return input + other, broadcast."""
    return Add.apply(*numeric_operands("add", input, other))


def sub(input: Operand, other: Operand) -> Tensor:
    """Return input - other, broadcast.

    Raises
    ------
    TypeError
        If either holds booleans.
    """
    a, b = numeric_operands("sub", input, other)
    if any(isinstance(x, bool) or (isinstance(x, Tensor) and x.dtype.kind == "b") for x in (input, other)):
        raise TypeError("sub: booleans have no difference; convert one with .to(), or compare them with !=")
    return Sub.apply(a, b)


def mul(input: Operand, other: Operand) -> Tensor:
    """Return input * other, broadcast."""
    return Mul.apply(*numeric_operands("mul", input, other))


def div(input: Operand, other: Operand) -> Tensor:
    """Return input / other, broadcast."""
    return Div.apply(*_float_operands("div", input, other))


def pow(input: Operand, exponent: Operand) -> Tensor:
    """Return input ** exponent, broadcast."""
    return Pow.apply(*numeric_operands("pow", input, exponent))


def neg(input: Tensor) -> Tensor:
    """Return -input.

    Raises
    ------
    TypeError
        If the tensor holds booleans.
    """
    input = as_tensor("neg", input)
    if input.dtype.kind == "b":
        raise TypeError("neg: a tensor of bool has no negative; convert it with .to(), or use ~")
    return Neg.apply(input)


def to(input: Tensor, *target: Any, device: str | None = None, dtype: Any = None) -> Tensor:
    """Return `input` on another device ("cpu", "cuda") or in another dtype; itself where nothing changes."""
    for value in target:
        if isinstance(value, str) and value in ("cpu", "cuda"):
            device = value
        else:
            try:
                dtype = np.dtype(value)
            except TypeError:
                dtype = None
            if dtype is None or dtype.kind not in "fiub":
                raise TypeError(f"to: expected 'cpu', 'cuda' or a dtype, not {value!r}")
    input = as_tensor("to", input)
    device = input.device if device is None else device
    dtype = input.dtype if dtype is None else np.dtype(dtype)
    if device == input.device and dtype == input.dtype:
        return input
    if dtype.kind != "f":  # no gradient flows through integers
        input = input.detach()
    return To.apply(input, device=device, dtype=dtype)
