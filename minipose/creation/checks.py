"""Checks that the functions share which make tensors, and the last step of them all."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minipose.kernels import Array, to_device
from minipose.tensor import Tensor, as_dtype, bool_


def is_integer(value: Any) -> bool:
    """Return whether `value` is one integer: not a boolean, not an array."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_tensor(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is a Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {argument} must be a Tensor, not {type(value).__name__}")


def check_number(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is one real number, ValueError unless it is finite."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be a number, not {value!r}")
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError(f"{name}: {argument} must be a finite number, not {value}")


def check_length(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is an integer, ValueError if it is negative."""
    if not is_integer(value):
        raise TypeError(f"{name}: {argument} must be an integer, not {value!r}")
    if value < 0:
        raise ValueError(f"{name}: {argument} must not be negative, but is {value}")


def as_shape(name: str, size: tuple) -> tuple[int, ...]:
    """Return the shape given as f(2, 3) or f((2, 3)); raise ValueError if it is none."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    if not all(is_integer(n) and n >= 0 for n in size):
        raise ValueError(f"{name}: size must be non-negative integers, not {size}")
    return tuple(int(n) for n in size)


def number_type(name: str, dtype: Any) -> np.dtype:
    """Return `dtype` as NumPy's; raise TypeError for bool."""
    dtype = as_dtype(name, dtype)
    if dtype == bool_:
        raise TypeError(f"{name}: dtype must be a number's, not bool")
    return dtype


def cast(name: str, value: Any, dtype: np.dtype) -> float | int | bool:
    """Return a number as one that `dtype` holds, cutting off fractions for integers; ValueError if it holds none."""
    if not isinstance(value, (numbers.Real, np.bool_)):
        raise TypeError(f"{name}: fill_value must be a number, not {value!r}")
    if dtype.kind == "b":
        return bool(value)
    special = value != value or value in (math.inf, -math.inf)
    if dtype.kind == "f":
        held = special or abs(value) <= float(np.finfo(dtype).max)
    else:
        held = not special and np.iinfo(dtype).min <= int(value) <= np.iinfo(dtype).max
    if not held:
        raise ValueError(f"{name}: {dtype} cannot hold {value}")
    return float(value) if dtype.kind == "f" else int(value)


def check_device(name: str, device: Any) -> str | None:
    """Return `device`, which may be None; raise ValueError if there is none of that name."""
    if device is not None and not (isinstance(device, str) and device in ("cpu", "cuda")):
        raise ValueError(f"{name}: device must be 'cpu' or 'cuda', not {device!r}")
    return device


def allocated(name: str, shape: Sequence[int], make: Callable[[], Array]) -> Array:
    """Return what `make` makes; raise ValueError where an array of `shape` is too large to be made."""
    try:
        return make()
    except (MemoryError, ValueError, OverflowError):  # NumPy raises any of them
        raise ValueError(f"{name}: a tensor of shape {tuple(shape)} does not fit into memory") from None


def leaf(name: str, array: Array, device: Any, requires_grad: Any) -> Tensor:
    """Wrap an array made on the host, or on `device` already, in the Tensor that is asked for."""
    if not isinstance(requires_grad, bool):
        raise TypeError(f"{name}: requires_grad must be True or False, not {requires_grad!r}")
    if requires_grad and array.dtype.kind != "f":
        raise TypeError(f"{name}: only floating-point tensors can require gradients, not dtype {array.dtype}")
    return Tensor(array if check_device(name, device) is None else to_device(array, device), requires_grad)
