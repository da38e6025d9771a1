"""Random tensors, drawn on the host so that they are the same on every device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.creation.checks import (
    allocated,
    as_shape,
    cast,
    check_length,
    check_number,
    check_tensor,
    is_integer,
    leaf,
    number_type,
)
from minipose.kernels import Array, to_device
from minipose.random import default_generator
from minipose.tensor import Tensor, as_dtype, float32, float64, int64

Size = int | Sequence[int]
Generator = np.random.Generator | None


def rand(
    *size: Size, generator: Generator = None, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return values that are uniform between 0, included, and 1, excluded."""
    return _uniform("rand", as_shape("rand", size), generator, dtype, device, requires_grad)


def randn(
    *size: Size, generator: Generator = None, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return standard normal values."""
    return _normal("randn", as_shape("randn", size), generator, dtype, device, requires_grad)


def rand_like(
    input: Tensor,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `rand` in the shape, dtype and device of `input`, where not told otherwise."""
    return _uniform("rand_like", *_as_input("rand_like", input, generator, dtype, device), requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `randn` in the shape, dtype and device of `input`, where not told otherwise."""
    return _normal("randn_like", *_as_input("randn_like", input, generator, dtype, device), requires_grad)


def randint(
    low: int = 0,
    high: int | None = None,
    size: Sequence[int] | None = None,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers from `low`, included, to `high`, excluded, each as likely as the others.

    Parameters
    ----------
    low, high : int
        `randint(5, (2, 3))` draws from 0 to 4, as `randint(0, 5, (2, 3))` does.
    size : sequence of integers
    dtype : data type, optional
        Default int64.
    generator, device, requires_grad : as everywhere
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    for argument, value in (("low", low), ("high", high)):
        if not is_integer(value):
            raise TypeError(f"randint: {argument} must be an integer, not {value!r}")
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"randint: size must be a sequence of integers, not {size!r}")
    dtype = as_dtype("randint", int64 if dtype is None else dtype)
    if low >= high:
        raise ValueError(f"randint: low={low} must be smaller than high={high}")
    for bound in (low, high - 1):
        if not -(2**63) <= bound < 2**63 or (cast("randint", bound, dtype) != bound and dtype.kind != "f"):
            raise ValueError(f"randint: {bound} is beyond {dtype}")
    shape, source = as_shape("randint", tuple(size)), _source("randint", generator)
    values = allocated("randint", shape, lambda: source.integers(low, high, shape))
    return leaf("randint", np.asarray(values).astype(dtype), device, requires_grad)


def randperm(
    n: int, *, generator: Generator = None, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return the integers from 0 to n - 1 in random order, by default as int64."""
    check_length("randperm", "n", n)
    dtype = number_type("randperm", int64 if dtype is None else dtype)
    cast("randperm", max(n - 1, 0), dtype)
    source = _source("randperm", generator)
    values = allocated("randperm", (n,), lambda: source.permutation(n).astype(dtype))
    return leaf("randperm", values, device, requires_grad)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator = None) -> Tensor:
    """Return ones with the probabilities in `input`, else zeros; with `p`, all with that one.

    Parameters
    ----------
    input : Tensor
        Its shape, dtype and device are the result's; without `p` it holds numbers from 0 to 1. No gradient flows to it.
    p : number from 0 to 1, optional
    generator : as everywhere
    """
    check_tensor("bernoulli", "input", input)
    chances = input.data if p is None else p
    if p is not None:
        check_number("bernoulli", "p", p)
    elif input.dtype.kind != "f":
        raise TypeError(f"bernoulli: input must hold floating-point numbers, not {input.dtype}, or p be given")
    if not (0 <= p <= 1 if p is not None else _all((chances >= 0) & (chances <= 1))):
        raise ValueError("bernoulli: probabilities must be numbers from 0 to 1")
    draws = np.asarray(_source("bernoulli", generator).random(input.shape))
    return Tensor((to_device(draws, input.device) < chances).astype(input.dtype))


def normal(
    mean: float | Tensor = 0.0,
    std: float | Tensor = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return normal values.

    Parameters
    ----------
    mean, std : numbers, or Tensors that broadcast
        No gradient flows to them.
    size : sequence of integers
        The shape of the result, if mean and std are numbers; only then it is given, and dtype, device or requires_grad.
        A Tensor tells them, `mean` before `std`.
    generator : as everywhere
    """
    tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
    for argument, value in (("mean", mean), ("std", std)):
        if not isinstance(value, Tensor):
            check_number("normal", argument, value)
    if not (_all(std.data >= 0) if isinstance(std, Tensor) else std >= 0):
        raise ValueError("normal: std must not be negative")
    if not tensors:
        if not isinstance(size, (tuple, list)):
            raise TypeError(f"normal: size must be a sequence of integers, not {size!r}")
        result = _normal("normal", as_shape("normal", tuple(size)), generator, dtype, device, False).data
        return leaf("normal", (result * float(std) + float(mean)).astype(result.dtype), None, requires_grad)
    if requires_grad is not False or any(x is not None for x in (size, dtype, device)):
        raise TypeError("normal: a Tensor, mean or std, tells the size, dtype and device, and requires no gradient")
    if len({x.device for x in tensors}) > 1:
        raise ValueError("normal: mean and std are on 'cpu' and on 'cuda'; move one with .to('cuda')")
    try:
        shape = np.broadcast_shapes(*(x.shape for x in tensors))
    except ValueError:
        raise ValueError(f"normal: shapes {mean.shape} and {std.shape} do not broadcast") from None
    mean, std = (x.data if isinstance(x, Tensor) else float(x) for x in (mean, std))
    values = _normal("normal", shape, generator, tensors[0].dtype, tensors[0].device, False).data
    return Tensor((values * std + mean).astype(tensors[0].dtype))


def _uniform(
    name: str, shape: tuple[int, ...], generator: Generator, dtype: Any, device: str | None, requires_grad: bool
) -> Tensor:
    dtype, source = _float_type(name, dtype), _source(name, generator)
    values = allocated(name, shape, lambda: source.random(shape, dtype))  # rounded to float32, a float64 might be 1
    return leaf(name, np.asarray(values), device, requires_grad)


def _normal(
    name: str, shape: tuple[int, ...], generator: Generator, dtype: Any, device: str | None, requires_grad: bool
) -> Tensor:
    dtype, source = _float_type(name, dtype), _source(name, generator)
    values = allocated(name, shape, lambda: np.asarray(source.standard_normal(shape)).astype(dtype))
    return leaf(name, values, device, requires_grad)


def _float_type(name: str, dtype: Any) -> np.dtype:
    dtype = as_dtype(name, float32 if dtype is None else dtype)
    if dtype not in (float32, float64):
        raise TypeError(f"{name}: dtype must be float32 or float64, not {dtype}")
    return dtype


def _source(name: str, generator: Any) -> np.random.Generator:
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator, not {generator!r}")
    return default_generator() if generator is None else generator


def _as_input(name: str, input: Any, generator: Any, dtype: Any, device: Any) -> tuple:
    """Return shape, generator, dtype and device, those of `input` where none are given."""
    check_tensor(name, "input", input)
    return input.shape, generator, input.dtype if dtype is None else dtype, input.device if device is None else device


def _all(mask: Array) -> bool:
    return not bool((~mask).sum())
