"""Comparing numbers, and choosing among them."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.kernels import Array, array_module
from minipose.ops.checks import as_tensor
from minipose.ops.elementwise import Operand, numeric_operands, operands
from minipose.tensor import Tensor


def _compare(name: str, input: Operand, other: Operand, function: Callable) -> Tensor:
    a, b = operands(name, input, other)
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.device != b.device:
        raise ValueError(f"{name}: inputs are on 'cpu' and on 'cuda'; move one with .to('cuda')")
    arrays = [x.data if isinstance(x, Tensor) else x for x in (a, b)]
    result = function(*arrays)
    if not hasattr(result, "shape"):
        raise TypeError(f"{name}: one of the operands must be a Tensor or an array")
    return Tensor(result)


def eq(input: Operand, other: Operand) -> Tensor:
    """Return where input equals other, broadcast, as booleans."""
    return _compare("eq", input, other, operator.eq)


def ne(input: Operand, other: Operand) -> Tensor:
    """Return where input differs from other, broadcast, as booleans."""
    return _compare("ne", input, other, operator.ne)


def lt(input: Operand, other: Operand) -> Tensor:
    """Return where input is less than other, broadcast, as booleans."""
    return _compare("lt", input, other, operator.lt)


def le(input: Operand, other: Operand) -> Tensor:
    """Return where input is at most other, broadcast, as booleans."""
    return _compare("le", input, other, operator.le)


def gt(input: Operand, other: Operand) -> Tensor:
    """Return where input is greater than other, broadcast, as booleans."""
    return _compare("gt", input, other, operator.gt)


def ge(input: Operand, other: Operand) -> Tensor:
    """Return where input is at least other, broadcast, as booleans."""
    return _compare("ge", input, other, operator.ge)


class Where(Function):
    """x where the condition holds, else y: linear in both, and each gets the gradient of the entries taken from it."""

    name = "where"

    def forward(self, x: Array, y: Array, condition: Array) -> Array:
        self.save(condition)
        return array_module(condition).where(condition, x, y)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (condition,), zero = self.saved, grad.dtype.type(0)
        return (
            Where.apply(grad, zero, condition=condition) if wanted[0] else None,
            Where.apply(zero, grad, condition=condition) if wanted[1] else None,
        )


class Maximum(Function):
    """The larger of x and y; it gets the gradient, and of two equal ones each gets half. A NaN wins over any number."""

    name = "maximum"

    def forward(self, x: Array, y: Array) -> Array:
        self.save(*self.shares(array_module(x), x, y))
        return array_module(x).maximum(x, y)

    @staticmethod
    def shares(module: Any, x: Array, y: Array) -> tuple[Array, Array]:
        """Return what part of the gradient each gets."""
        half = 0.5 * (x == y)
        return (half + ~(x <= y)).astype(x.dtype), (half + ~(y <= x)).astype(x.dtype)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return tuple(grad * Tensor(share) if want else None for share, want in zip(self.saved, wanted, strict=True))


class Minimum(Maximum):
    """The smaller of x and y, as Maximum."""

    name = "minimum"

    def forward(self, x: Array, y: Array) -> Array:
        self.save(*self.shares(array_module(x), -x, -y))
        return array_module(x).minimum(x, y)


def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    """Return input where the condition holds and other elsewhere, all broadcast.

    Parameters
    ----------
    condition : Tensor of bool
    input, other : Tensor or number

    Raises
    ------
    TypeError
        If the condition does not hold booleans.
    ValueError
        If the shapes do not broadcast.
    """
    condition = as_tensor("where", condition, "condition")
    if condition.dtype.kind != "b":
        raise TypeError(f"where: condition must hold booleans, not {condition.dtype}; compare it with a number")
    both_numbers = all(isinstance(x, (bool, int, float, np.generic)) for x in (input, other))
    a, b = (input, other) if both_numbers else numeric_operands("where", input, other)
    for x in (a, b):
        if isinstance(x, Tensor):
            operands("where", condition, x.detach())
            if x.device != condition.device:
                raise ValueError(f"where: condition is on {condition.device!r} but a value on {x.device!r}; use .to()")
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        dtype = "float32" if any(isinstance(x, float) for x in (a, b)) else "int64"
        a = Tensor(array_module(condition.data).full((), a, dtype))
    dtype = (a if isinstance(a, Tensor) else b).dtype
    a, b = (x if isinstance(x, Tensor) else dtype.type(x) for x in (a, b))
    return Where.apply(a, b, condition=condition.data)


def two_tensors(name: str, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as Tensors of one dtype that broadcast."""
    return operands(name, as_tensor(name, input), as_tensor(name, other, "other"))


def maximum(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of two entries, broadcast; equal ones share the gradient, and a NaN wins."""
    return Maximum.apply(*two_tensors("maximum", input, other))


def minimum(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of two entries, broadcast; equal ones share the gradient, and a NaN wins."""
    return Minimum.apply(*two_tensors("minimum", input, other))


def clamp(input: Tensor, min: Tensor | float | None = None, max: Tensor | float | None = None) -> Tensor:
    """Return input, but no less than `min` and no more than `max`; where min > max, max.

    The gradient goes to the input where it is within the bounds, them included, and else to the bound that it met.

    Parameters
    ----------
    input : Tensor
    min, max : Tensor that broadcasts, number or None; not None both

    Raises
    ------
    ValueError, TypeError
        If there is no bound, or one is neither a Tensor nor a number, or the shapes do not broadcast.
    """
    result = as_tensor("clamp", input)
    if min is None and max is None:
        raise ValueError("clamp: give min, max, or both")
    if result.dtype.kind == "b":
        raise TypeError("clamp: a tensor of bool has no order to clamp; convert it with .to()")
    for argument, bound in (("min", min), ("max", max)):
        if bound is None:
            continue
        if not isinstance(bound, (Tensor, numbers.Real)) or isinstance(bound, bool):
            raise TypeError(f"clamp: {argument} must be a Tensor or a number, not {bound!r}")
        if isinstance(bound, float) and bound != bound:
            raise ValueError(f"clamp: {argument} must be a number, not {bound}")
        result, bound = numeric_operands("clamp", result, bound)
        beyond = result.detach() < bound if argument == "min" else result.detach() > bound
        if isinstance(bound, Tensor):  # where a bound is NaN, so is the result
            beyond = Tensor(beyond.data | (bound.data != bound.data))
        result = where(beyond, bound, result)
    return result


def lerp(input: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    """Return input + weight * (end - input), broadcast.

    Raises
    ------
    ValueError, TypeError
        If dtypes differ, or shapes do not broadcast.
    """
    input, end = as_tensor("lerp", input), as_tensor("lerp", end, "end")
    if not isinstance(weight, (Tensor, numbers.Real)) or isinstance(weight, bool):
        raise TypeError(f"lerp: weight must be a Tensor or a number, not {weight!r}")
    for argument, value in (("input", input), ("end", end), ("weight", weight)):
        if isinstance(value, Tensor) and (value.dtype.kind != "f" or value.dtype != input.dtype):
            raise TypeError(f"lerp: {argument} is {value.dtype}; all must have one floating-point dtype")
    operands("lerp", input, end)
    if isinstance(weight, Tensor):
        operands("lerp", operands("lerp", input, weight)[0], end)
    return input + weight * (end - input)
