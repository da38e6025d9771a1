"""Checks that every part shares: a wrong call says which function, which argument, and what would be right."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

Pair = tuple[int, int]
TOO_FAR = 2**31  # pixels: what a kernel, a stride, a padding or a dilation must stay below
TOO_MANY = 2**38  # entries: no memory holds such a result, a terabyte of float32


class OutOfRange(IndexError, ValueError):
    """An index beyond a tensor's end: the IndexError that sequences raise, and the ValueError of a wrong argument."""


def is_integer(value: Any) -> bool:
    """Return whether `value` is one integer: not a boolean, not an array."""
    return type(value) is int or (isinstance(value, numbers.Integral) and not isinstance(value, bool))


def check_flag(name: str, argument: str, value: Any) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be True or False, not {value!r}")


def check_integer(name: str, argument: str, value: Any, least: int | None = None, most: int | None = None) -> None:
    """Raise TypeError unless `value` is an integer, ValueError if it is smaller than `least` or larger than `most`."""
    if not is_integer(value):
        raise TypeError(f"{name}: {argument} must be an integer, not {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name}: {argument} must be at least {least}, not {value}")
    if most is not None and value > most:
        raise ValueError(f"{name}: {argument} must be at most {most}, not {value}")


def check_number(name: str, argument: str, value: Any, low: float | None = None, high: float | None = None) -> None:
    """Raise TypeError unless `value` is one real number, ValueError if it is NaN or not in low..high."""
    if type(value) is not float and (not isinstance(value, numbers.Real) or isinstance(value, bool)):
        raise TypeError(f"{name}: {argument} must be a number, not {value!r}")
    if value != value or (low is not None and value < low) or (high is not None and value > high):
        bounds = f" from {low}" * (low is not None) + f" up to {high}" * (high is not None)
        raise ValueError(f"{name}: {argument} must be a number{bounds}, not {value}")


def check_choice(name: str, argument: str, value: Any, choices: Sequence[str] | Sequence[int]) -> None:
    """Raise ValueError unless `value` is one of `choices`, which are strings or integers."""
    if not (isinstance(value, str) or is_integer(value)) or value not in choices:
        raise ValueError(f"{name}: {argument} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def check_generator(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is a numpy.random.Generator or None."""
    if value is not None and not isinstance(value, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator, not {value!r}")


def as_array(name: str, argument: str, value: Any) -> np.ndarray:
    """Return `value` as a NumPy array of numbers.

    Raises
    ------
    TypeError
        If it is something else than numbers, or a Tensor: what learns has no place where only arrays are looked at.
    """
    is_tensor = hasattr(value, "requires_grad")
    try:
        array = np.asarray(None if is_tensor else value)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        hint = "; use .numpy()" if is_tensor else ""
        raise TypeError(f"{name}: {argument} must be an array of numbers, not {type(value).__name__}{hint}")
    return array


def pair(name: str, argument: str, value: int | Sequence[int], least: int) -> Pair:
    """Return `value` as (vertical, horizontal), both at least `least`.

    Raises
    ------
    ValueError
        If it is not an integer or two of them, or too small.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not (is_integer(values[0]) and is_integer(values[1]) and min(values) >= least):
        raise ValueError(f"{name}: {argument} must be an integer of at least {least}, or two of them, not {value!r}")
    if max(values) >= TOO_FAR:
        raise ValueError(f"{name}: {argument} must be less than 2**31, not {max(values)}")
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
    if (math.prod(max(1, n) for n in shape) if 0 in shape else math.prod(shape)) >= TOO_MANY:
        raise ValueError(f"{name}: the {what} would have shape {shape}, which is too large")
