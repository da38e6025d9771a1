"""Writing into tensors. No gradient flows through a write, so a tensor that is part of a graph refuses it."""

from __future__ import annotations

from typing import Any

from minipose.autograd import is_grad_enabled
from minipose.checks import OutOfRange
from minipose.kernels import Array, to_device
from minipose.ops.checks import as_tensor, check_tensor
from minipose.ops.index import checked_index
from minipose.tensor import Tensor


def _check_writable(name: str, tensor: Any) -> None:
    check_tensor(name, "input", tensor)
    if tensor.requires_grad and is_grad_enabled():
        raise RuntimeError(
            f"{name}: the tensor requires a gradient, and none flows through a write; write under minipose.no_grad(), "
            "or compute a new tensor with where or masked_fill"
        )


def _value(name: str, value: Any, tensor: Tensor) -> Array | float:
    if isinstance(value, (bool, int, float)):
        return value
    return to_device(as_tensor(name, value, "value").data, tensor.device)


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(shape) <= len(target) and all(n in (1, m) for n, m in zip(shape[::-1], target[::-1], strict=False))


def fill_(input: Tensor, value: float) -> Tensor:
    """Set every entry to one value, and return the tensor."""
    _check_writable("fill_", input)
    if not isinstance(value, (bool, int, float)):
        raise TypeError(f"fill_: value must be a number, not {value!r}")
    input.data.fill(value)
    input.bump_version()
    return input


def zero_(input: Tensor) -> Tensor:
    """Set every entry to 0, and return the tensor."""
    _check_writable("zero_", input)
    return fill_(input, 0)


def copy_(input: Tensor, source: Tensor) -> Tensor:
    """Write the values of `source`, broadcast and converted, into the tensor, and return it.

    Raises
    ------
    ValueError
        If the shape of `source` does not broadcast to the tensor's.
    """
    _check_writable("copy_", input)
    check_tensor("copy_", "source", source)
    if not _broadcasts(source.shape, input.shape):
        raise ValueError(f"copy_: source has shape {source.shape}, which does not broadcast to {input.shape}")
    input.data[...] = to_device(source.data, input.device)
    input.bump_version()
    return input


def setitem(input: Tensor, index: Any, value: Any) -> None:
    """Write a number or a tensor into the entries at `index`: `x[index] = value`.

    Raises
    ------
    OutOfRange, TypeError, ValueError
        If there are no such entries, or the value does not fit them.
    """
    _check_writable("setitem", input)
    array = _value("setitem", value, input)
    parts = checked_index("setitem", input, index)
    try:
        shape = input.data[parts].shape
    except IndexError as error:  # arrays that do not broadcast
        raise OutOfRange(f"setitem: {error}, for a tensor of shape {input.shape}") from None
    if hasattr(array, "shape") and not _broadcasts(array.shape, shape):
        raise ValueError(f"setitem: a value of shape {array.shape} does not fit the {shape} entries at the index")
    input.data[parts] = array
    input.bump_version()
