"""Operations that sum, average or pick over axes.

`dim` is an axis, several, or None for all; negative ones count from the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from minipose.autograd import Function
from minipose.kernels import Array, array_module
from minipose.ops.checks import as_tensor, normalise_dims
from minipose.tensor import Tensor

Dims = int | Sequence[int] | None


def _kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


class Sum(Function):
    """Every entry of the input adds to one of the result, so it receives that one's gradient."""

    name = "sum"

    def forward(self, x: Array, axes: tuple[int, ...], keepdim: bool) -> Array:
        self.shape, self.axes = x.shape, axes
        return x.sum(axis=axes, keepdims=keepdim)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(_kept_shape(self.shape, self.axes)).expand(self.shape),)


class Amax(Function):
    """The gradient goes to the largest entry, shared evenly among equal ones as torch does."""

    name = "amax"

    def forward(self, x: Array, axes: tuple[int, ...], keepdim: bool) -> Array:
        largest = x.max(axis=axes, keepdims=True)
        mask = (x == largest).astype(x.dtype)
        self.save(mask / mask.sum(axis=axes, keepdims=True))
        self.kept = largest.shape
        return largest if keepdim else largest.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(self.kept) * Tensor(self.saved[0]),)


def sum(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the sum over `dim`; booleans and integers are summed as int64."""
    input = as_tensor("sum", input)
    if input.dtype.kind in "biu":
        input = input.to("int64")
    return Sum.apply(input, axes=normalise_dims("sum", dim, input.ndim), keepdim=keepdim)


def mean(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the average over `dim`.

    Raises
    ------
    TypeError
        If the tensor holds integers.
    """
    input, axes = _float_input("mean", input), normalise_dims("mean", dim, input.ndim)
    return sum(input, axes, keepdim) / _count(input, axes)


def var(input: Tensor, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Return the variance over `dim`, the sum of squared deviations divided by (count - correction)."""
    input, axes = _float_input("var", input), normalise_dims("var", dim, input.ndim)
    deviation = input - mean(input, axes, keepdim=True)
    return sum(deviation * deviation, axes, keepdim) / (_count(input, axes) - correction)


def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the largest entry over `dim`; equal ones share the gradient evenly.

    Raises
    ------
    ValueError
        If there is no entry to choose from.
    """
    input = as_tensor("amax", input)
    axes = normalise_dims("amax", dim, input.ndim)
    if 0 in (input.shape[a] for a in axes):
        raise ValueError(f"amax: a tensor of shape {input.shape} has no entry over dim {dim}")
    return Amax.apply(input, axes=axes, keepdim=keepdim)


def argmax(input: Tensor, dim: int | None = None) -> Tensor:
    """Return the place of the largest entry along `dim`, or in the flattened tensor; no gradient flows."""
    input = as_tensor("argmax", input)
    if input.numel() == 0:
        raise ValueError(f"argmax: a tensor of shape {input.shape} has no entry")
    axis = None if dim is None else normalise_dims("argmax", dim, input.ndim)[0]
    return Tensor(array_module(input.data).asarray(input.data.argmax(axis=axis)))


def _float_input(name: str, input: Tensor) -> Tensor:
    input = as_tensor(name, input)
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: the tensor must hold floating-point numbers, not {input.dtype}; use .to(float32)")
    return input


def _count(input: Tensor, axes: tuple[int, ...]) -> int:
    count = 1
    for a in axes:
        count *= input.shape[a]
    return count


