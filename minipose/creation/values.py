"""Tensors from data, of one value, and in steps."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.creation.checks import (
    allocated,
    as_shape,
    cast,
    check_device,
    check_length,
    check_number,
    check_tensor,
    leaf,
    number_type,
)
from minipose.kernels import array_module, cupy
from minipose.tensor import Tensor, as_dtype, bool_, float32, float64, int64

Size = int | Sequence[int]


def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Copy `data` into a new leaf.

    Parameters
    ----------
    data : number, nested sequence, array or Tensor
    dtype : data type, optional
        Default: an array's own; float32 for Python floats, int64 for integers, bool for booleans.
    device : {"cpu", "cuda"}, optional
        Default: where `data` is; "cpu" for what is not an array.
    requires_grad : bool

    Raises
    ------
    TypeError
        If `data` does not make a rectangular array of numbers.
    """
    dtype = None if dtype is None else as_dtype("tensor", dtype)
    if isinstance(data, Tensor):
        data = data.data
    if hasattr(data, "get") and hasattr(data, "dtype"):  # a CuPy array stays where it is until moved
        array = data.copy() if dtype is None else data.astype(dtype)
    else:
        try:
            array = np.array(data, dtype=dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise TypeError(f"tensor: data is not a rectangular array of numbers: {error}") from None
        if dtype is None and array.dtype == np.float64 and not hasattr(data, "dtype"):
            array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"tensor: dtype {array.dtype} is not supported; use a floating-point, integer or bool type")
    return leaf("tensor", array, device, requires_grad)


# ---- one value ----


def zeros(*size: Size, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of a shape, given as integers or as one sequence of them."""
    return _filled("zeros", size, 0, dtype, device, requires_grad)


def ones(*size: Size, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return ones of a shape, given as integers or as one sequence of them."""
    return _filled("ones", size, 1, dtype, device, requires_grad)


def full(
    size: Sequence[int], fill_value: float, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of shape `size` with `fill_value` everywhere.

    Parameters
    ----------
    size : sequence of integers
    fill_value : number or bool
    dtype : data type, optional
        Default: float32 for a float, int64 for an integer, bool for a boolean.
    device, requires_grad : as everywhere

    Raises
    ------
    ValueError
        If the dtype cannot hold the value.
    """
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"full: size must be a sequence of integers, not {size!r}")
    dtype = _inferred("full", "fill_value", fill_value) if dtype is None else dtype
    return _filled("full", tuple(size), fill_value, dtype, device, requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return zeros in the shape, dtype, device and memory layout of `input`, where not told otherwise."""
    return _filled_like("zeros_like", input, 0, dtype, device, requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return ones in the shape, dtype, device and memory layout of `input`, where not told otherwise."""
    return _filled_like("ones_like", input, 1, dtype, device, requires_grad)


def full_like(
    input: Tensor, fill_value: float, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return `fill_value` in the shape, dtype, device and memory layout of `input`, where not told otherwise."""
    return _filled_like("full_like", input, fill_value, dtype, device, requires_grad)


# ---- steps ----


def arange(
    start: float | None = None,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... below `end` (above it, for a negative step).

    Parameters
    ----------
    start, end, step : numbers
        `arange(5)` goes from 0 to 4, as `arange(0, 5)` and `arange(end=5)`. Default step 1.
    dtype : data type, optional
        Default: float32 if one of them is a float, else int64. A type of integers cuts their fractions off first.
    device, requires_grad : as everywhere

    Raises
    ------
    ValueError
        If the step is 0 or leads away from `end`.
    """
    if end is None:
        start, end = None, start
    start = 0 if start is None else start
    given = [start, end, step]
    for argument, value in zip(("start", "end", "step"), given, strict=True):
        check_number("arange", argument, value)
    dtype = _inferred("arange", "start", *given) if dtype is None else number_type("arange", dtype)
    start, end, step = (cast("arange", value, float64 if dtype.kind == "f" else int64) for value in given)
    count = (end - start) / step if step else math.nan
    if not 0 <= count < 2**53:
        raise ValueError(f"arange: steps of {step} do not lead from {start} to {end}")
    count = math.ceil(count) if dtype.kind == "f" else -((start - end) // step)
    steps = allocated("arange", (count,), lambda: np.arange(count, dtype=float64 if dtype.kind == "f" else int64))
    return leaf("arange", (start + steps * step).astype(dtype), device, requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return `steps` values from `start` to `end`, both included, at equal distances."""
    check_number("linspace", "start", start)
    check_number("linspace", "end", end)
    check_length("linspace", "steps", steps)
    dtype = number_type("linspace", float32 if dtype is None else dtype)
    if dtype.kind != "f":
        start, end = cast("linspace", int(start), dtype), cast("linspace", int(end), dtype)
    i = allocated("linspace", (steps,), lambda: np.arange(steps, dtype=float64))
    step = (float(end) - float(start)) / max(steps - 1, 1)
    if not math.isfinite(step):
        raise ValueError(f"linspace: from {start} to {end} is further than a float can tell")
    # The second half is counted from the end, so that the last value is the end itself.
    values = np.where(i < max(steps // 2, steps == 1), start + step * i, end - step * (steps - 1 - i))
    return leaf("linspace", values.astype(dtype), device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return the identity matrix of n rows and m columns; m is n by default."""
    m = n if m is None else m
    check_length("eye", "n", n)
    check_length("eye", "m", m)
    dtype = as_dtype("eye", float32 if dtype is None else dtype)
    return leaf("eye", allocated("eye", (n, m), lambda: np.eye(n, m, dtype=dtype)), device, requires_grad)


def _filled(name: str, size: tuple, value: Any, dtype: Any, device: Any, requires_grad: Any) -> Tensor:
    shape, dtype = as_shape(name, size), as_dtype(name, float32 if dtype is None else dtype)
    module, value = cupy() if check_device(name, device) == "cuda" else np, cast(name, value, dtype)
    if name == "zeros":  # memory that comes as zeros need not be written
        array = allocated(name, shape, lambda: module.zeros(shape, dtype))
    else:
        array = allocated(name, shape, lambda: module.full(shape, value, dtype))
    return leaf(name, array, device, requires_grad)


def _filled_like(name: str, input: Any, value: Any, dtype: Any, device: Any, requires_grad: Any) -> Tensor:
    check_tensor(name, "input", input)
    dtype = input.dtype if dtype is None else as_dtype(name, dtype)
    value = cast(name, value, dtype)
    array = allocated(name, input.shape, lambda: array_module(input.data).full_like(input.data, value, dtype=dtype))
    return leaf(name, array, device, requires_grad)


def _inferred(name: str, argument: str, *values: Any) -> np.dtype:
    """Return the dtype that torch gives to Python numbers."""
    for value in values:
        if not isinstance(value, (numbers.Real, np.bool_)):
            raise TypeError(f"{name}: {argument} must be a number, not {value!r}")
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return bool_
    return int64 if all(isinstance(value, numbers.Integral) for value in values) else float32
