"""Checks of the Tensors that operations are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose.checks import letters
from minipose.tensor import Tensor, float32


def as_tensor(name: str, value: Any, argument: str = "input") -> Tensor:
    """Return `value` as a Tensor; arrays are wrapped.

    Raises
    ------
    TypeError
        If it is neither a Tensor nor an array of numbers.
    """
    if isinstance(value, Tensor):
        return value
    if not isinstance(getattr(value, "dtype", None), np.dtype) or value.dtype.kind not in "fiub":
        raise TypeError(f"{name}: {argument} must be a Tensor or an array, not {type(value).__name__}")
    return Tensor(value)


def as_float_tensor(name: str, value: Any, argument: str = "input") -> Tensor:
    """Return `value` as a Tensor of floating-point numbers; integers and booleans become float32."""
    x = as_tensor(name, value, argument)
    return x if x.dtype.kind == "f" else x.to(float32)


def check_float_tensor(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is a Tensor of floating-point numbers."""
    check_tensor(name, argument, value)
    if value.dtype.kind != "f":
        raise TypeError(f"{name}: {argument} must hold floating-point numbers, not {value.dtype}; use .to(float32)")


def check_tensor(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is a Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {argument} must be a Tensor, not {type(value).__name__}")


def check_image(name: str, input: Tensor) -> None:
    """Raise unless `input` is a floating-point Tensor of four axes."""
    check_tensor(name, "input", input)
    if input.ndim != 4:
        raise ValueError(f"{name}: input must have four axes N C H W, not shape {input.shape}")
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: input must hold floating-point numbers, not {input.dtype}")


def check_per_channel(name: str, argument: str, value: Any, channels: int, like: Tensor, letter: str) -> None:
    """Raise unless `value` is a Tensor of shape (channels,) with the dtype and the device of `like`."""
    check_tensor(name, argument, value)
    if type(value._data) is not type(like._data) and value.device != like.device:
        raise ValueError(f"{name}: {argument} is on {value.device!r} but input on {like.device!r}; move one with .to()")
    if value.shape != (channels,) or value.dtype != like.dtype:
        shape = f"({letters(like.shape, 'N C H W')})" if like.ndim == 4 else like.shape
        raise (ValueError if value.shape != (channels,) else TypeError)(
            f"{name}: {argument} must have shape ({letter},) = ({channels},) and dtype {like.dtype} for input {shape}, "
            f"but has shape {value.shape} and dtype {value.dtype}"
        )
