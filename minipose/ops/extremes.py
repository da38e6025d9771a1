"""Largest and smallest entries, and where they are.

Among equal ones, `argmax`, `argmin` and `max` and `min` along an axis take the first; `amax`, `amin` and `max` and
`min` of the whole tensor share the gradient evenly. A NaN counts as larger and as smaller than all numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minipose.autograd import Function
from minipose.checks import check_flag, one_axis, reduced_axes
from minipose.kernels import Array, array_module
from minipose.ops.checks import as_tensor
from minipose.ops.compare import Maximum, Minimum, two_tensors
from minipose.ops.index import gather
from minipose.ops.shape import reshape
from minipose.tensor import Tensor

Dims = int | Sequence[int] | None


class ValuesAndIndices(NamedTuple):
    """What `max` and `min` along an axis return: the entries, and their places along it."""

    values: Tensor
    indices: Tensor


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` with length 1 for `axes`."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def left_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` without `axes`."""
    return tuple(n for i, n in enumerate(shape) if i not in axes)


class Amax(Function):
    """The gradient goes to the largest entry, shared evenly among equal ones.

    Where that is a NaN, the gradient is one too; with `nan_shares` it goes to the NaNs.
    """

    name = "amax"
    method = "max"

    def forward(self, x: Array, axes: tuple[int, ...], keepdim: bool, nan_shares: bool = False) -> Array:
        module = array_module(x)
        extreme = module.asarray(getattr(x, self.method)(axis=axes, keepdims=True))
        self.kept = extreme.shape
        if self.wanted[0]:
            mask = x == extreme
            mask = (mask | module.isnan(x) if nan_shares else mask).astype(x.dtype)
            self.save(mask / mask.sum(axis=axes, keepdims=True))
        return extreme if keepdim else extreme.reshape(left_shape(x.shape, axes))

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(self.kept) * Tensor(self.saved[0]),)


class Amin(Amax):
    """The gradient goes to the smallest entry, as in Amax."""

    name = "amin"
    method = "min"


def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the largest entry over `dim`; equal ones share the gradient evenly.

    Raises
    ------
    ValueError
        If there is no entry to choose from.
    """
    return _shared(Amax, "amax", input, dim, keepdim)


def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the smallest entry over `dim`; equal ones share the gradient evenly. Raises as `amax` does."""
    return _shared(Amin, "amin", input, dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the place of the largest entry along `dim`, or in the flattened tensor; the first of equal ones.

    Raises
    ------
    TypeError
        If the tensor holds booleans.
    ValueError
        If there is no entry to choose from.
    """
    return _place("argmax", input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the place of the smallest entry along `dim`, as `argmax` that of the largest."""
    return _place("argmin", input, dim, keepdim)


def max(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """Return the largest entry of the tensor, or (values, indices) of the largest entries along axis `dim`.

    The gradient goes to the entry at the index, the first of equal ones; without `dim` equal ones share it evenly.
    A Tensor in the place of `dim` is the other one of `maximum`.

    Raises
    ------
    ValueError
        If there is no entry to choose from.
    """
    if isinstance(dim, Tensor) and keepdim is False:
        return Maximum.apply(*two_tensors("max", input, dim))
    return _extreme("max", Amax, input, dim, keepdim)


def min(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """Return the smallest entry, as `max` the largest."""
    if isinstance(dim, Tensor) and keepdim is False:
        return Minimum.apply(*two_tensors("min", input, dim))
    return _extreme("min", Amin, input, dim, keepdim)


def _checked(name: str, input: Any, dim: Dims, keepdim: bool) -> tuple[Tensor, tuple[int, ...]]:
    input = as_tensor(name, input)
    check_flag(name, "keepdim", keepdim)
    axes = reduced_axes(name, dim, input.ndim)
    if 0 in (input.shape[a] for a in axes):
        raise ValueError(f"{name}: a tensor of shape {input.shape} has no entry over dim {dim}")
    return input, axes


def _shared(function: type[Amax], name: str, input: Any, dim: Dims, keepdim: bool, **options: bool) -> Tensor:
    input, axes = _checked(name, input, dim, keepdim)
    return function.apply(input, axes=axes, keepdim=keepdim, **options)


def _place(name: str, input: Any, dim: int | None, keepdim: bool) -> Tensor:
    if dim is not None:
        one_axis(name, dim, as_tensor(name, input).ndim)
    input, axes = _checked(name, input, dim, keepdim)
    if input.dtype.kind == "b":
        raise TypeError(f"{name}: input must hold numbers, not booleans; use .to(int64)")
    place = getattr(input.data, name)(axis=axes[0] if dim is not None and axes else None)
    shape = (kept_shape if keepdim else left_shape)(input.shape, axes)
    return Tensor(array_module(input.data).asarray(place).reshape(shape))


def _extreme(
    name: str, function: type[Amax], input: Any, dim: int | Tensor | None, keepdim: bool
) -> Tensor | ValuesAndIndices:
    if dim is None:
        if keepdim is not False:
            raise TypeError(f"{name}: keepdim needs a dim; use a{name} to keep all axes")
        return _shared(function, name, input, None, False, nan_shares=True)
    axis = one_axis(name, dim, as_tensor(name, input).ndim)
    input, axes = _checked(name, input, dim, keepdim)
    vector = input if input.ndim else reshape(input, 1)
    whole = vector.data.astype("uint8") if input.dtype.kind == "b" else vector.data
    index = getattr(whole, f"arg{name}")(axis=axis)
    index = array_module(whole).asarray(index).reshape(kept_shape(vector.shape, (axis,)))
    values = gather(vector, axis, Tensor(index))
    shape = (kept_shape if keepdim else left_shape)(input.shape, axes)
    return ValuesAndIndices(reshape(values, shape), Tensor(index.reshape(shape)))
