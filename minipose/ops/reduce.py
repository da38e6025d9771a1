"""Operations that sum, average or multiply over axes.

`dim` is an axis, several, or None for all; negative ones count from the end, and a 0-d tensor counts as one entry along
one axis. With `keepdim` the axes stay, with length 1. `dtype` is what the input is converted to first.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from minipose.autograd import Function
from minipose.checks import check_flag, check_number, one_axis, reduced_axes
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import as_float_tensor, as_tensor
from minipose.ops.extremes import amax, amin, kept_shape, left_shape
from minipose.ops.join import cat
from minipose.ops.shape import reshape
from minipose.tensor import Tensor, as_dtype

Dims = int | Sequence[int] | None


class Sum(Function):
    """Every entry of the input adds to one of the result, so it receives that one's gradient."""

    name = "sum"

    def forward(self, x: Array, axes: tuple[int, ...], keepdim: bool) -> Array:
        self.shape, self.axes = x.shape, axes
        if x.ndim == 4 and 1 not in axes and all(i in axes or x.shape[i] == 1 for i in (2, 3)) and x.dtype.kind == "f":
            total = kernels_of(x).sum_pixels(x, None, 0 not in axes)
            return total if keepdim else total.reshape(left_shape(x.shape, axes))
        total = x.sum(axis=axes, keepdims=keepdim)
        return total if total.dtype == x.dtype else total.astype(x.dtype)  # NumPy widens bool and uint8

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(kept_shape(self.shape, self.axes)).expand(self.shape),)


class Var(Function):
    """v = sum(d^2) / f, where d = x - mean(x). The d sum to 0, so their mean's part vanishes: dv = 2 sum(d dx) / f.

    Without a degree of freedom, f = 0, the gradient is infinite, and NaN where d = 0, as torch has it.
    """

    name = "var"

    def forward(self, x: Array, axes: tuple[int, ...], keepdim: bool, freedom: float) -> Array:
        self.save_inputs(0)
        self.axes, self.freedom = axes, freedom
        d = x - x.sum(axis=axes, keepdims=True) / _count(x.shape, axes)
        return (d * d).sum(axis=axes, keepdims=keepdim) / freedom

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x,) = self.saved_inputs
        d = x - mean(x, self.axes, keepdim=True)
        slope = d * (2 / self.freedom) if self.freedom else d.abs() * math.inf
        return (grad.reshape(kept_shape(x.shape, self.axes)) * slope,)


class Norm(Function):
    """y = (sum |x|^p)^(1/p), so dy/dx_i = sign(x_i) (|x_i| / y)^(p-1); 0 where x_i = 0 or y = 0, whatever p."""

    name = "norm"

    def forward(self, x: Array, p: float, axes: tuple[int, ...], keepdim: bool) -> Array:
        self.save_inputs(0)
        self.save_output()
        self.p, self.axes, module = p, axes, array_module(x)
        if p == 2:
            return module.sqrt((x * x).sum(axis=axes, keepdims=keepdim))
        return (module.abs(x) ** p).sum(axis=axes, keepdims=keepdim) ** (1 / p)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x,) = self.saved_inputs
        shape = kept_shape(x.shape, self.axes)
        grad, y = grad.reshape(shape), self.saved_output.reshape(shape)
        flat = Tensor((y.data == 0).astype(y.dtype))
        if self.p == 2:  # x / y, which knows no kink at x_i = 0, for the sake of the second derivative
            return (x * (grad * (1 - flat) / (y + flat)),)
        zero = Tensor(((x.data == 0) | (y.data == 0)).astype(x.dtype))
        sign = Tensor(array_module(x.data).sign(x.data)) * (1 - zero)
        return (grad * sign * ((x.abs() + zero) / (y + flat)) ** (self.p - 1),)


class Cumsum(Function):
    """y_i = sum_{j <= i} x_j. An entry adds to all sums from its place on, so its gradient is their gradients' sum:
    cumsum from the other end, which is its adjoint."""

    name = "cumsum"

    def forward(self, x: Array, axis: int, from_end: bool) -> Array:
        self.axis, self.from_end = axis, from_end
        flip = (slice(None),) * axis + (slice(None, None, -1),)
        sums = array_module(x).cumsum(x[flip] if from_end else x, axis=axis, dtype=x.dtype)
        return sums[flip] if from_end else sums

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (Cumsum.apply(grad, axis=self.axis, from_end=not self.from_end),)


def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over `dim`; booleans and integers are summed as int64, and nothing sums to 0."""
    input = _converted("sum", input, dtype)
    check_flag("sum", "keepdim", keepdim)
    return Sum.apply(input, axes=reduced_axes("sum", dim, input.ndim), keepdim=keepdim)


def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the average over `dim`; of nothing it is NaN.

    Raises
    ------
    TypeError
        If the tensor holds integers and `dtype` does not say otherwise.
    """
    input = _float_input("mean", input, dtype)
    check_flag("mean", "keepdim", keepdim)
    axes = reduced_axes("mean", dim, input.ndim)
    return sum(input, axes, keepdim) / _count(input.shape, axes)


def var(input: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Return the variance over `dim`, the sum of squared deviations divided by (count - correction).

    Where the count is not larger than `correction` that divides by 0: the variance of a single entry is NaN.
    """
    input, axes, freedom = _deviating("var", input, dim, correction, keepdim)
    return Var.apply(input, axes=axes, keepdim=keepdim, freedom=freedom)


def std(input: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Return the standard deviation over `dim`, the root of `var`; where it is 0 no gradient flows."""
    input, axes, freedom = _deviating("std", input, dim, correction, keepdim)
    deviation = input - mean(input, axes, keepdim=True)
    return Norm.apply(deviation, p=2, axes=axes, keepdim=keepdim) / math.sqrt(freedom)


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the product along axis `dim`, or of all entries; of nothing it is 1.

    Booleans and integers are multiplied as int64.
    """
    input = _converted("prod", input, dtype)
    check_flag("prod", "keepdim", keepdim)
    axis = None if dim is None else one_axis("prod", dim, input.ndim)
    axes = reduced_axes("prod", axis, input.ndim)
    x = reshape(input, -1 if input.numel() else 0) if axis is None or input.ndim == 0 else input
    x = _halved(x, 0 if x.ndim == 1 else axis)
    return reshape(x, (kept_shape if keepdim else left_shape)(input.shape, axes))


def _halved(x: Tensor, axis: int) -> Tensor:
    """Multiply half of an axis by the other until one entry is left; Mul's gradient never divides by one, which may
    be 0."""
    if x.shape[axis] == 0:
        return sum(x, axis, keepdim=True) + 1
    before = (slice(None),) * axis
    while (n := x.shape[axis]) > 1:
        half, odd = n // 2, n % 2
        pairs = x[(*before, slice(half))] * x[(*before, slice(half, 2 * half))]
        x = cat([pairs, x[(*before, slice(2 * half, n))]], axis) if odd else pairs
    return x


def logsumexp(input: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(input))) over `dim`, which neither overflows nor vanishes; of nothing it is -inf.

    Raises
    ------
    TypeError
        If `dim` is None: name all axes.
    """
    input = as_float_tensor("logsumexp", input)
    check_flag("logsumexp", "keepdim", keepdim)
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        raise TypeError(f"logsumexp: dim must be an axis or several, not {dim!r}")
    axes = reduced_axes("logsumexp", dim, input.ndim)
    if input.numel() == 0:
        return sum(input.exp(), axes, keepdim).log()
    x, module = input.data, array_module(input.data)
    largest = module.asarray(x.max(axis=axes, keepdims=True))
    largest = Tensor(module.where(module.isfinite(largest), largest, 0))  # a constant: it cancels
    result = sum((input - largest).exp(), axes, keepdim=True).log() + largest
    return result if keepdim else reshape(result, left_shape(input.shape, axes))


def norm(
    input: Tensor, p: float | str = "fro", dim: Dims = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return the norm `sum(abs(input) ** p) ** (1 / p)` over `dim`, as `torch.norm`.

    Parameters
    ----------
    input : Tensor of any shape
    p : number, inf, -inf or "fro"
        inf is the largest absolute value, -inf the smallest, 0 counts what is not 0, and "fro" is 2. Default "fro".
    dim : int or several, optional
        Default: all axes. The tensor counts as one long vector over them, also for a matrix.
    keepdim : bool
    dtype : data type, optional

    Returns
    -------
    Tensor
        Where it has a kink its gradient is 0: at the zero vector, and at entries that are 0.

    Raises
    ------
    TypeError
        If the tensor holds integers.
    ValueError
        If there is no entry, and p is negative or infinite.
    """
    input = _float_input("norm", input, dtype)
    check_flag("norm", "keepdim", keepdim)
    axes = reduced_axes("norm", dim, input.ndim)
    if p is None or (isinstance(p, str) and p == "fro"):
        if p is not None and isinstance(dim, (tuple, list)) and len(dim) > 2:
            raise ValueError(f"norm: 'fro' is the norm of a matrix, and dim {dim} names more than two axes; use p=2")
        p = 2
    check_number("norm", "p", p)
    if not (-1e300 <= p <= 1e300 or p in (math.inf, -math.inf)):
        raise ValueError(f"norm: p must be inf or not larger than 1e300, not {p}")
    if (p < 0 or p == math.inf) and 0 in (input.shape[a] for a in axes):
        raise ValueError(f"norm: a tensor of shape {input.shape} has no entry over dim {dim}, which p={p} needs")
    if p == 0:
        return Tensor((input.data != 0).astype(input.dtype).sum(axis=axes, keepdims=keepdim))
    if p in (math.inf, -math.inf):
        return (amax if p > 0 else amin)(input.abs(), axes, keepdim)
    return Norm.apply(input, p=float(p), axes=axes, keepdim=keepdim)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the sums along axis `dim` of all entries up to each place; whole numbers are summed as int64."""
    input = _converted("cumsum", input, dtype)
    if input.dtype.kind == "b":
        raise TypeError("cumsum: dtype must be a number's, not bool")
    axis = one_axis("cumsum", dim, input.ndim)
    x = input if input.ndim else reshape(input, 1)
    return reshape(Cumsum.apply(x, axis=axis, from_end=False), input.shape)


def _converted(name: str, input: Any, dtype: Any) -> Tensor:
    """Return `input` in `dtype`, by default its own, or int64 for whole numbers."""
    input = as_tensor(name, input)
    if dtype is not None:
        return input.to(as_dtype(name, dtype))
    return input if input.dtype.kind == "f" else input.to("int64")


def _float_input(name: str, input: Any, dtype: Any = None) -> Tensor:
    input = as_tensor(name, input) if dtype is None else _converted(name, input, dtype)
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: the tensor must hold floating-point numbers, not {input.dtype}; use .to(float32)")
    return input


def _deviating(
    name: str, input: Any, dim: Dims, correction: float, keepdim: bool
) -> tuple[Tensor, tuple[int, ...], float]:
    """Check the arguments of a variance and return the input, its axes and the degrees of freedom."""
    input = _float_input(name, input)
    check_flag(name, "keepdim", keepdim)
    check_number(name, "correction", correction, -(2**53), 2**53)
    axes = reduced_axes(name, dim, input.ndim)
    return input, axes, builtins.max(0.0, float(_count(input.shape, axes) - correction))


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return math.prod(shape[a] for a in axes)
