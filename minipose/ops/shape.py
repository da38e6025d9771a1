"""Operations that move entries without changing them.

None of them mixes axes behind your back: `reshape` keeps the row-major order of the entries and is not a transpose;
to exchange axes use `permute`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.kernels import Array, array_module
from minipose.ops.checks import as_tensor, check_tensor, integers, is_integer, normalise_dims
from minipose.tensor import Tensor


class Reshape(Function):
    """The gradient takes the old shape back."""

    name = "reshape"

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.shape = x.shape
        return x.reshape(shape)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(self.shape),)


class Permute(Function):
    """Axis i of the result is axis dims[i] of the input; the gradient goes through the inverse permutation."""

    name = "permute"

    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.inverse = tuple(dims.index(i) for i in range(len(dims)))
        return x.transpose(dims)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.permute(self.inverse),)


class Expand(Function):
    """Repeat axes of length 1 without copying; the engine sums the gradient back over them."""

    name = "expand"

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        return array_module(x).broadcast_to(x, shape)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad,)


class Concatenate(Function):
    """The gradient is cut at the same places."""

    name = "cat"

    def forward(self, *arrays: Array, dim: int) -> Array:
        self.dim, self.lengths = dim, [x.shape[dim] for x in arrays]
        return array_module(arrays[0]).concatenate(arrays, axis=dim)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        pieces, start = [], 0
        for length, want in zip(self.lengths, wanted, strict=True):
            index = (slice(None),) * self.dim + (slice(start, start + length),)
            pieces.append(grad[index] if want else None)
            start += length
        return tuple(pieces)


class Index(Function):
    """x[index] for slices, integers, None and Ellipsis; the gradient goes to the entries that were taken."""

    name = "getitem"

    def forward(self, x: Array, index: Any) -> Array:
        self.shape, self.index = x.shape, index
        return array_module(x).asarray(x[index])

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (IndexGrad.apply(grad, index=self.index, shape=self.shape),)


class IndexGrad(Function):
    """Zeros of `shape` with the input at `index`: the adjoint of Index, and Index its own."""

    name = "getitem_grad"

    def forward(self, grad: Array, index: Any, shape: tuple[int, ...]) -> Array:
        self.index = index
        result = array_module(grad).zeros(shape, grad.dtype)
        result[index] = grad
        return result

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad[self.index],)


def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Return the same entries, in row-major order, in another shape; one length may be -1.

    This is not a transpose: to turn N H W C into N C H W use `permute(0, 3, 1, 2)`.

    Raises
    ------
    ValueError
        If the number of entries would change.
    """
    input, target = as_tensor("reshape", input), integers("reshape", shape)
    known = math.prod(n for n in target if n != -1)
    if target.count(-1) == 1 and known and input.numel() % known == 0:
        target = tuple(input.numel() // known if n == -1 else n for n in target)
    if any(n < 0 for n in target) or math.prod(target) != input.numel():
        raise ValueError(f"reshape: {input.shape} has {input.numel()} entries, which do not fill {tuple(shape)}")
    return Reshape.apply(input, shape=target)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the tensor with axes start_dim..end_dim merged into one."""
    input = as_tensor("flatten", input)
    if input.ndim == 0:
        return reshape(input, 1)
    (start,), (end,) = (normalise_dims("flatten", d, input.ndim) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    merged = math.prod(input.shape[start : end + 1])
    return reshape(input, *input.shape[:start], merged, *input.shape[end + 1 :])


def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return a view whose axis i is the input's axis dims[i].

    Raises
    ------
    ValueError
        If `dims` does not name every axis once.
    """
    input, order = as_tensor("permute", input), integers("permute", dims)
    if len(order) != input.ndim or len(normalise_dims("permute", order, input.ndim)) != input.ndim:
        raise ValueError(f"permute: {order} must name each of the {input.ndim} axes once")
    return Permute.apply(input, dims=tuple(d % input.ndim for d in order))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two axes exchanged."""
    input = as_tensor("transpose", input)
    (a,), (b,) = (normalise_dims("transpose", d, input.ndim) for d in (dim0, dim1))
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return permute(input, order)


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return the tensor without its axes of length 1, or without those of `dim` that have length 1."""
    input = as_tensor("squeeze", input)
    axes = normalise_dims("squeeze", dim, input.ndim)
    return reshape(input, [n for i, n in enumerate(input.shape) if not (i in axes and n == 1)])


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return the tensor with an axis of length 1 put before axis `dim`; -1 puts it last."""
    input = as_tensor("unsqueeze", input)
    (axis,) = normalise_dims("unsqueeze", dim, input.ndim + 1)
    return reshape(input, *input.shape[:axis], 1, *input.shape[axis:])


def expand(input: Tensor, *sizes: int | Sequence[int]) -> Tensor:
    """Return a view with axes of length 1 repeated to `sizes`; -1 keeps a length, and new axes may come first.

    Raises
    ------
    ValueError
        If an axis that is not of length 1 would change.
    """
    input, target = as_tensor("expand", input), integers("expand", sizes)
    extra = len(target) - input.ndim
    if extra >= 0:
        target = tuple(
            input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(target)
        )
    if extra < 0 or any(n < 0 for n in target) or any(
        n not in (1, m) for n, m in zip(input.shape, target[extra:], strict=True)
    ):
        raise ValueError(f"expand: {input.shape} cannot be repeated to {tuple(sizes)}")
    return Expand.apply(input, shape=target)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors joined along axis `dim`.

    Raises
    ------
    ValueError
        If there are none, or if they differ in another axis.
    """
    tensors = list(tensors)
    if not tensors:
        raise ValueError("cat: there is no tensor to join")
    for i, t in enumerate(tensors):
        check_tensor("cat", f"tensor {i}", t)
    # as in arithmetic, a float wins over an integer whatever their widths
    floats = [t.dtype for t in tensors if t.dtype.kind == "f"]
    dtype = np.result_type(*(floats or [t.dtype for t in tensors]))
    tensors = [t.to(dtype) for t in tensors]
    (axis,) = normalise_dims("cat", dim, tensors[0].ndim)
    for i, t in enumerate(tensors):
        if t.ndim != tensors[0].ndim or any(
            n != m for j, (n, m) in enumerate(zip(t.shape, tensors[0].shape, strict=True)) if j != axis
        ):
            raise ValueError(
                f"cat: tensor {i} has shape {t.shape}, which differs from {tensors[0].shape} in more than dim {dim}"
            )
    return Concatenate.apply(*tensors, dim=axis)


def getitem(input: Tensor, index: Any) -> Tensor:
    """Return input[index] for integers, slices, None and Ellipsis.

    Raises
    ------
    NotImplementedError
        For index arrays and masks.
    IndexError
        If an integer is out of range.
    """
    for part in index if isinstance(index, tuple) else (index,):
        if not (part is None or part is Ellipsis or isinstance(part, slice) or is_integer(part)):
            raise NotImplementedError(f"getitem: an index of type {type(part).__name__} is not done yet; use slices")
    try:
        return Index.apply(input, index=index)
    except IndexError as error:
        raise IndexError(f"getitem: {error}, of a tensor of shape {input.shape}") from None
