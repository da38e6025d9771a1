"""Putting tensors together, cutting them apart, and moving their parts around."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.autograd import Function, is_grad_enabled
from minipose.checks import check_integer, check_memory, integers, is_integer, normalise_dims, one_axis
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import as_tensor, check_tensor
from minipose.ops.index import Index
from minipose.ops.shape import reshape, unsqueeze
from minipose.tensor import Tensor


class Concatenate(Function):
    """The gradient is cut at the same places."""

    name = "cat"

    def forward(self, *arrays: Array, dim: int) -> Array:
        self.dim, self.lengths = dim, [x.shape[dim] for x in arrays]
        if dim == 1 and all(x.ndim == 4 and x.dtype == arrays[0].dtype for x in arrays):
            return kernels_of(arrays[0]).concatenate_channels(*arrays)
        return array_module(arrays[0]).concatenate(arrays, axis=dim)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        pieces, start = [], 0
        for length, want in zip(self.lengths, wanted, strict=True):
            pieces.append(self._piece(grad, start, start + length) if want else None)
            start += length
        return tuple(pieces)

    def _piece(self, grad: Tensor, start: int, stop: int) -> Tensor:
        if grad.ndim == 4 and self.dim == 1 and not is_grad_enabled():
            return Tensor(kernels_of(grad.data).take_channels(grad.data, start, stop))
        return grad[(slice(None),) * self.dim + (slice(start, stop),)]


def _tensors(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors in one dtype; as in arithmetic, a float wins over an integer whatever their widths."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{name}: tensors must be a list or a tuple of Tensors, not {type(tensors).__name__}")
    if not tensors:
        raise ValueError(f"{name}: there is no tensor to join")
    for i, t in enumerate(tensors):
        check_tensor(name, f"tensor {i}", t)
    floats = [t.dtype for t in tensors if t.dtype.kind == "f"]
    dtype = np.result_type(*(floats or [t.dtype for t in tensors]))
    return [t.to(dtype) for t in tensors]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors joined along axis `dim`.

    Raises
    ------
    ValueError, TypeError
        If there are none, or if they differ in another axis.
    """
    tensors = _tensors("cat", tensors)
    for i, t in enumerate(tensors):
        if t.ndim == 0:
            raise ValueError(f"cat: tensor {i} has no axis to join along; use stack")
    axis = one_axis("cat", dim, tensors[0].ndim)
    for i, t in enumerate(tensors):
        if t.ndim != tensors[0].ndim or any(
            n != m for j, (n, m) in enumerate(zip(t.shape, tensors[0].shape, strict=True)) if j != axis
        ):
            raise ValueError(
                f"cat: tensor {i} has shape {t.shape}, which differs from {tensors[0].shape} in more than dim {dim}"
            )
    return Concatenate.apply(*tensors, dim=axis)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, side by side along a new axis `dim`.

    Raises
    ------
    ValueError, TypeError
        If there are none, or their shapes differ.
    """
    tensors = _tensors("stack", tensors)
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: tensor {i} has shape {t.shape}, which differs from {tensors[0].shape}; use cat")
    axis = one_axis("stack", dim, tensors[0].ndim + 1)
    return Concatenate.apply(*(unsqueeze(t, axis) for t in tensors), dim=axis)


def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return the tensor cut along axis `dim`, as views.

    Parameters
    ----------
    tensor : Tensor
    split_size_or_sections : int or sequence of int
        The length of each part, of which the last may be shorter; or the lengths of all parts.
    dim : int
        Default 0.

    Raises
    ------
    ValueError, TypeError
        If the lengths do not add up to the tensor's.
    """
    tensor, sizes = as_tensor("split", tensor, "tensor"), split_size_or_sections
    if tensor.ndim == 0:
        raise ValueError("split: a tensor without axes cannot be cut")
    axis = one_axis("split", dim, tensor.ndim)
    length = tensor.shape[axis]
    if isinstance(sizes, (list, tuple)):
        if not all(is_integer(n) and n >= 0 for n in sizes) or sum(sizes) != length:
            raise ValueError(f"split: sections {list(sizes)} must be integers from 0 that add up to {length}")
        lengths = [int(n) for n in sizes]
    else:
        check_integer("split", "split_size_or_sections", sizes, 0)
        if sizes == 0 and length:
            raise ValueError(f"split: parts of length 0 do not add up to {length}")
        lengths = [min(int(sizes), length - start) for start in range(0, length, int(sizes))] if length else [0]
    ends = np.cumsum(lengths).tolist()
    before = (slice(None),) * axis
    return tuple(tensor[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the tensor cut along axis `dim` into so many parts of one length, the last shorter; maybe into fewer."""
    input = as_tensor("chunk", input)
    check_integer("chunk", "chunks", chunks, 1)
    if input.ndim == 0:
        raise ValueError("chunk: a tensor without axes cannot be cut")
    length = input.shape[one_axis("chunk", dim, input.ndim)]
    return split(input, [0] * chunks if length == 0 else -(-length // chunks), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices of the tensor along axis `dim`, without that axis."""
    input = as_tensor("unbind", input)
    if input.ndim == 0:
        raise ValueError("unbind: a tensor without axes has no slices")
    axis = one_axis("unbind", dim, input.ndim)
    return tuple(input[(slice(None),) * axis + (i,)] for i in range(input.shape[axis]))


def repeat(input: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """Return the tensor side by side with itself, `repeats[i]` times along axis i; new axes come first.

    Raises
    ------
    ValueError, TypeError
        If there are fewer numbers than axes, or one is negative.
    """
    input, counts = as_tensor("repeat", input), integers("repeat", repeats)
    extra = len(counts) - input.ndim
    if extra < 0 or any(n < 0 for n in counts):
        raise ValueError(f"repeat: {counts} must be a number from 0 for each axis of {input.shape}, or for more axes")
    shape = (1,) * extra + input.shape
    check_memory("repeat", "result", [n * m for n, m in zip(counts, shape, strict=True)])
    # Before each axis goes one of length 1, which is repeated without copying; the reshape then merges the two.
    single = [n for m in shape for n in (1, m)]
    several = [n for pair in zip(counts, shape, strict=True) for n in pair]
    merged = [n * m for n, m in zip(counts, shape, strict=True)]
    return reshape(reshape(input, single).expand(several), merged)


def flip(input: Tensor, dims: int | Sequence[int]) -> Tensor:
    """Return the tensor with the order along the axes `dims` reversed.

    Raises
    ------
    ValueError
        If an axis is out of range or named twice.
    """
    input = as_tensor("flip", input)
    axes = normalise_dims("flip", dims if dims is not None else ("None",), max(input.ndim, 1))
    index = tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(input.ndim))
    return Index.apply(input, index=index)


def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Return the tensor with its entries moved by `shifts` along `dims`; what leaves at one end enters at the other.

    Parameters
    ----------
    input : Tensor
    shifts : int, or one for each of `dims`; positive ones move entries to higher places
    dims : int or sequence, optional
        Default: the flattened tensor is rolled.

    Raises
    ------
    ValueError, TypeError
        If there are not as many shifts as axes, or an axis is out of range.
    """
    input = as_tensor("roll", input)
    several = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,)
    if not several or not all(is_integer(n) for n in several):
        raise TypeError(f"roll: shifts must be an integer or several, not {shifts!r}")
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        if len(several) != 1:
            raise ValueError(f"roll: {len(several)} shifts need as many dims")
        return reshape(roll(reshape(input, -1), several[0], 0), input.shape) if input.ndim else input * 1
    axes = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    if len(axes) != len(several):
        raise ValueError(f"roll: {len(several)} shifts for {len(axes)} dims; give one for each")
    for shift, dim in zip(several, axes, strict=True):
        axis = normalise_dims("roll", dim if is_integer(dim) else ("None",), input.ndim)[0]
        length = input.shape[axis]
        cut = (length - shift % length) if length else 0
        before = (slice(None),) * axis
        input = cat([input[(*before, slice(cut, None))], input[(*before, slice(None, cut))]], axis)
    return input
