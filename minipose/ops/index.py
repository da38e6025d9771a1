"""Taking entries: by slices, integers, index arrays and masks. Where an entry is taken twice, its gradients add."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.checks import OutOfRange, check_integer, is_integer, one_axis
from minipose.kernels import Array, array_module, device_of, to_device
from minipose.ops.checks import as_tensor, check_tensor
from minipose.ops.compare import where
from minipose.tensor import Tensor


class Index(Function):
    """x[index]; the gradient goes to the entries that were taken, and adds up where one was taken several times."""

    name = "getitem"

    def forward(self, x: Array, index: Any) -> Array:
        self.shape, self.index = x.shape, index
        return array_module(x).asarray(x[index])

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (IndexGrad.apply(grad, index=self.index, shape=self.shape),)


class IndexGrad(Function):
    """Zeros of `shape` with the input added at `index`: the adjoint of Index, and Index its own."""

    name = "getitem_grad"

    def forward(self, grad: Array, index: Any, shape: tuple[int, ...]) -> Array:
        self.index, module = index, array_module(grad)
        result = module.zeros(shape, grad.dtype)
        if any(hasattr(part, "dtype") for part in index):
            module.add.at(result, index, grad)
        else:
            result[index] = grad
        return result

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (Index.apply(grad, index=self.index),)


def _part(name: str, part: Any, input: Tensor) -> Any:
    """Return one part of an index as NumPy and CuPy take it; an array is copied, so that it stays what it is."""
    if part is None or part is Ellipsis:
        return part
    if is_integer(part):
        return int(part)
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)
        if not all(end is None or is_integer(end) for end in ends):
            raise TypeError(f"{name}: the ends and the step of a slice must be integers, not {part}")
        if part.step is not None and part.step < 1:
            raise ValueError(f"{name}: the step of a slice must be positive, not {part.step}; use flip")
        return part
    if isinstance(part, (list, tuple)):
        try:
            part = np.asarray(part, None if len(part) else np.int64)
        except (ValueError, TypeError):
            raise TypeError(f"{name}: a list in an index must hold integers or booleans, not {part!r}") from None
    array = part.data if isinstance(part, Tensor) else part
    if not isinstance(getattr(array, "dtype", None), np.dtype) or array.dtype.kind not in "iub":
        kind = getattr(array, "dtype", type(part).__name__)
        raise TypeError(f"{name}: an index must be integers, slices, None, ... or arrays of int or bool, not {kind}")
    if array.dtype == np.uint8 or (array.dtype.kind == "b" and array.ndim == 0):
        raise TypeError(f"{name}: an index array must hold int64 or a mask of bool, not {array.dtype} {array.shape}")
    if isinstance(part, Tensor) and part.device != input.device and part.device != "cpu":
        raise ValueError(f"{name}: the index is on {part.device!r} but the input on {input.device!r}; use .to()")
    return array if array.dtype.kind == "b" else array_module(input.data).array(to_device(array, input.device))


def checked_index(name: str, input: Tensor, index: Any) -> tuple:
    """Return the index as a tuple, each of its parts checked against the axis that it is for.

    A mask becomes the places where it holds, one integer array for each of its axes, as NumPy defines it.
    """
    parts = tuple(_part(name, part, input) for part in (index if isinstance(index, tuple) else (index,)))
    if sum(part is Ellipsis for part in parts) > 1:
        raise OutOfRange(f"{name}: an index can have one ... only")
    used = [
        0 if part is None or part is Ellipsis else part.ndim if hasattr(part, "dtype") and part.dtype.kind == "b" else 1
        for part in parts
    ]
    total = sum(used)
    if total > input.ndim:
        raise OutOfRange(f"{name}: an index for {total} axes is too long for a tensor of shape {input.shape}")
    axis, checked = 0, []
    for part, count in zip(parts, used, strict=True):
        if part is Ellipsis:
            axis += input.ndim - total
        elif is_integer(part) or (hasattr(part, "dtype") and part.dtype.kind != "b"):
            _check_range(name, part, input.shape[axis], f"axis {axis} of a tensor of shape {input.shape}", True)
        elif hasattr(part, "dtype") and part.shape != input.shape[axis : axis + count]:
            raise OutOfRange(
                f"{name}: a mask of shape {part.shape} does not fit axes {axis}..{axis + count - 1} of {input.shape}"
            )
        mask = hasattr(part, "dtype") and part.dtype.kind == "b"
        # Through the host, because on a GPU the number of places must be known first.
        checked += [to_device(p, input.device) for p in np.nonzero(to_device(part, "cpu"))] if mask else [part]
        axis += count
    return tuple(checked)


def _check_range(name: str, index: Any, length: int, where_: str, negative: bool) -> None:
    # On a GPU the answer would have to be waited for; CuPy takes such an index modulo the length.
    if hasattr(index, "dtype") and (device_of(index) != "cpu" or index.size == 0):
        return
    smallest, largest = (index.min(), index.max()) if hasattr(index, "dtype") else (index, index)
    if smallest < (-length if negative else 0) or largest >= length:
        wrong = largest if largest >= length else smallest
        raise OutOfRange(f"{name}: index {wrong} is out of range for {where_}")


def getitem(input: Tensor, index: Any) -> Tensor:
    """Return input[index], as torch does: a view for slices and integers, a copy where arrays or masks take entries.

    Parameters
    ----------
    index : integers, slices with positive steps, None, Ellipsis, integer arrays, masks of bool, or a tuple of them
        Arrays may be Tensors, NumPy arrays or lists. Several arrays are broadcast and go together: x[[0, 1], [2, 3]]
        takes two entries.

    Raises
    ------
    OutOfRange
        If there is no such entry, the index has too many parts, or a mask has another shape; on a GPU, where that is
        known later only, integers in arrays are not looked at.
    TypeError, ValueError
        If a part is none of these, or a step is not positive.
    """
    check_tensor("getitem", "input", input)
    parts = checked_index("getitem", input, index)
    try:
        return Index.apply(input, index=parts)
    except IndexError as error:  # arrays that do not broadcast
        raise OutOfRange(f"getitem: {error}, of a tensor of shape {input.shape}") from None


def _index_tensor(name: str, index: Any, input: Tensor) -> Array:
    index = as_tensor(name, index, "index")
    if index.dtype.kind not in "iu" or index.dtype == np.uint8:
        raise TypeError(f"{name}: index must hold int64, not {index.dtype}")
    if index.device != input.device:
        raise ValueError(f"{name}: index is on {index.device!r} but input on {input.device!r}; move one with .to()")
    return array_module(index.data).array(index.data)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return result[i, j, k] = input[i, index[i, j, k], k], where `dim` is 1; likewise for the others.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : integer Tensor with as many axes, none of them longer than the input's but axis `dim`

    Raises
    ------
    OutOfRange
        If an index is not in 0..length-1.
    ValueError, TypeError
        If shapes or dtypes do not fit.
    """
    input = as_tensor("gather", input)
    axis, places = one_axis("gather", dim, input.ndim), _index_tensor("gather", index, input)
    x = input if input.ndim else input.reshape(1)
    shape = places.shape or (1,)
    if len(shape) != x.ndim or any(n > m for i, (n, m) in enumerate(zip(shape, x.shape, strict=True)) if i != axis):
        raise ValueError(f"gather: index {places.shape} must fit in input {input.shape} on all axes but dim={dim}")
    _check_range("gather", places, x.shape[axis], f"axis {axis} of a tensor of shape {input.shape}", False)
    grids = [
        array_module(x.data).arange(n).reshape([-1 if j == i else 1 for j in range(x.ndim)])
        for i, n in enumerate(shape)
    ]
    grids[axis] = places.reshape(shape)
    result = Index.apply(x, index=tuple(grids))
    return result if places.ndim else result.reshape(())


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of the input at the places `index` along axis `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : integer Tensor (K,), of places from 0

    Raises
    ------
    OutOfRange
        If a place is not in 0..length-1.
    ValueError, TypeError
        If the index is no vector of integers.
    """
    input = as_tensor("index_select", input)
    axis, places = one_axis("index_select", dim, input.ndim), _index_tensor("index_select", index, input)
    if places.ndim > 1:
        raise ValueError(f"index_select: index must be a vector, not of shape {places.shape}")
    x = input if input.ndim else input.reshape(1)
    _check_range("index_select", places, x.shape[axis], f"axis {axis} of a tensor of shape {input.shape}", False)
    result = Index.apply(x, index=(slice(None),) * axis + (places.reshape(-1),))
    return result if input.ndim else result.reshape(())


def masked_fill(input: Tensor, mask: Tensor, value: Tensor | float) -> Tensor:
    """Return the input with `value` where the mask holds; no gradient flows from there.

    Parameters
    ----------
    input : Tensor
    mask : bool Tensor that broadcasts with it
    value : number, or a Tensor without axes

    Raises
    ------
    ValueError, TypeError
        If shapes do not broadcast, the mask does not hold booleans, or the value does not fit the input's dtype.
    """
    name, input = "masked_fill", as_tensor("masked_fill", input)
    mask = as_tensor(name, mask, "mask")
    if mask.dtype.kind != "b":
        raise TypeError(f"{name}: mask must hold booleans, not {mask.dtype}; compare it with a number")
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(f"{name}: value must be a number or a Tensor without axes, not of shape {value.shape}")
        value = value.to(input.dtype)
    elif not isinstance(value, (bool, int, float)):
        raise TypeError(f"{name}: value must be a number, not {value!r}")
    elif input.dtype.kind != "f" and (isinstance(value, float) or not -(2**63) <= value < 2**63):
        raise TypeError(f"{name}: value {value!r} does not fit an input of {input.dtype}")
    try:
        return where(mask, value, input).to(input.dtype)
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace("where:", f"{name}:")) from None


def _triangle(name: str, input: Tensor, diagonal: int, lower: bool) -> Tensor:
    input = as_tensor(name, input)
    check_integer(name, "diagonal", diagonal)
    if input.ndim < 2:
        raise ValueError(f"{name}: input must have two axes or more, not shape {input.shape}")
    module = array_module(input.data)
    rows, columns = (module.arange(n) for n in input.shape[-2:])
    distance = columns - rows.reshape(-1, 1)
    bound = max(min(diagonal, 2**62), -(2**62))
    keep = Tensor(distance <= bound if lower else distance >= bound)
    return where(keep, input, input.dtype.type(0).item())


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the entries on and below a diagonal of the last two axes, and zeros elsewhere.

    Parameters
    ----------
    input : (..., H, W)
    diagonal : int
        0 for the main one, above it for positive numbers. Default 0.
    """
    return _triangle("tril", input, diagonal, True)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the entries on and above a diagonal of the last two axes, and zeros elsewhere; arguments as `tril`."""
    return _triangle("triu", input, diagonal, False)
