"""Checks that operations share, so that a wrong call says which operation, which argument, and what would be right."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from minipose.tensor import Tensor, float32

Pair = tuple[int, int]
TOO_MANY = 2**40  # entries: no memory holds such a result


class OutOfRange(IndexError, ValueError):
    """An index beyond a tensor's end: the IndexError that sequences raise, and the ValueError of a wrong argument."""


def is_integer(value: Any) -> bool:
    """Return whether `value` is one integer: not a boolean, not an array."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def as_tensor(name: str, value: Any, argument: str = "input") -> Tensor:
    """Return `value` as a Tensor; arrays are wrapped.

    Raises
    ------
    TypeError
        If it is neither a Tensor nor an array of numbers.
    """
    if isinstance(value, Tensor):
        return value
    if not hasattr(value, "dtype") or not hasattr(value, "shape") or value.dtype.kind not in "fiub":
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


def check_flag(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be True or False, not {value!r}")


def check_integer(name: str, argument: str, value: Any, least: int | None = None) -> None:
    """Raise TypeError unless `value` is an integer, ValueError if it is smaller than `least`."""
    if not is_integer(value):
        raise TypeError(f"{name}: {argument} must be an integer, not {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name}: {argument} must be at least {least}, not {value}")


def check_number(name: str, argument: str, value: Any, low: float | None = None, high: float | None = None) -> None:
    """Raise TypeError unless `value` is one real number, ValueError if it is NaN or not in low..high."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be a number, not {value!r}")
    if value != value or (low is not None and value < low) or (high is not None and value > high):
        bounds = f" from {low}" * (low is not None) + f" up to {high}" * (high is not None)
        raise ValueError(f"{name}: {argument} must be a number{bounds}, not {value}")


def check_choice(name: str, argument: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: {argument} must be one of {', '.join(map(repr, choices))}, not {value!r}")


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
    if value.device != like.device:
        raise ValueError(f"{name}: {argument} is on {value.device!r} but input on {like.device!r}; move one with .to()")
    if value.shape != (channels,) or value.dtype != like.dtype:
        shape = f"({letters(like.shape, 'N C H W')})" if like.ndim == 4 else like.shape
        raise (ValueError if value.shape != (channels,) else TypeError)(
            f"{name}: {argument} must have shape ({letter},) = ({channels},) and dtype {like.dtype} for input {shape}, "
            f"but has shape {value.shape} and dtype {value.dtype}"
        )


def pair(name: str, argument: str, value: int | Sequence[int], least: int) -> Pair:
    """Return `value` as (vertical, horizontal), both at least `least`.

    Raises
    ------
    ValueError
        If it is not an integer or two of them, or too small.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(is_integer(v) and v >= least for v in values):
        raise ValueError(f"{name}: {argument} must be an integer of at least {least}, or two of them, not {value!r}")
    return int(values[0]), int(values[1])


def integers(name: str, values: tuple) -> tuple[int, ...]:
    """Return the integers of f(2, 3) or of f((2, 3)).

    Raises
    ------
    TypeError
        If there is something else among them.
    """
    if len(values) == 1 and isinstance(values[0], (tuple, list)):
        values = tuple(values[0])
    if not all(is_integer(v) for v in values):
        raise TypeError(f"{name}: expected integers, not {values}")
    return tuple(int(v) for v in values)


def letters(shape: Sequence[int], names: str) -> str:
    """Return a shape in letters: (2, 3, 64, 64) as "N=2 C=3 H=64 W=64"."""
    return " ".join(f"{name}={n}" for name, n in zip(names.split(), shape, strict=True))


def normalise_dims(name: str, dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return `dim` as a sorted tuple of axes in 0..ndim-1; all axes for None.

    Raises
    ------
    ValueError
        If an axis is out of range or named twice.
    """
    if dim is None:
        return tuple(range(ndim))
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if not all(is_integer(d) and -ndim <= d < ndim for d in dims):
        raise ValueError(f"{name}: dim {dim} is out of range for a tensor with {ndim} axes")
    axes = sorted(int(d) % ndim for d in dims)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: dim {dim} names an axis twice")
    return tuple(axes)


def reduced_axes(name: str, dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes that `dim` names as torch's reductions read it: all of them for None and for ().

    A 0-d tensor has no axis to name, but 0 and -1 are let pass.
    """
    axes = normalise_dims(name, None if isinstance(dim, (tuple, list)) and not dim else dim, max(ndim, 1))
    return axes if ndim else ()


def one_axis(name: str, dim: Any, ndim: int) -> int:
    """Return `dim` as an axis in 0..ndim-1; 0 for a 0-d tensor. Raise TypeError unless it is one integer."""
    if not is_integer(dim):
        raise TypeError(f"{name}: dim must be one axis, not {dim!r}")
    return normalise_dims(name, dim, max(ndim, 1))[0]


def check_memory(name: str, what: str, shape: Sequence[int], padding: Pair = (0, 0)) -> None:
    """Raise ValueError where no memory can hold an array of `shape`, its last two axes padded on both sides."""
    if padding != (0, 0):
        *rest, H, W = shape
        shape = (*rest, H + 2 * padding[0], W + 2 * padding[1])
    if math.prod(max(1, n) for n in shape) >= TOO_MANY:
        raise ValueError(f"{name}: the {what} would have shape {shape}, which is too large")
