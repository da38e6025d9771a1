"""Functions of one number, entry by entry. Integers and booleans become float32, as in torch, but for `square`."""

from __future__ import annotations

import math

from minipose.autograd import Function
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import as_float_tensor, as_tensor
from minipose.tensor import Tensor


class Abs(Function):
    """d|x| = sign(x) dx, 0 at 0."""

    name = "abs"

    def forward(self, x: Array) -> Array:
        self.save(array_module(x).sign(x))
        return array_module(x).abs(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad * Tensor(self.saved[0]),)


class Exp(Function):
    """d exp(x) = exp(x) dx."""

    name = "exp"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return array_module(x).exp(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad * self.saved_output,)


class Expm1(Function):
    """y = exp(x) - 1, accurate near 0. dy = exp(x) dx = (y + 1) dx."""

    name = "expm1"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return array_module(x).expm1(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad * (self.saved_output + 1),)


class Log(Function):
    """d log(x) = dx / x."""

    name = "log"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return array_module(x).log(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad / self.saved_inputs[0],)


class Log1p(Function):
    """y = log(1 + x), accurate near 0. dy = dx / (1 + x)."""

    name = "log1p"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return array_module(x).log1p(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad / (self.saved_inputs[0] + 1),)


class Sqrt(Function):
    """d sqrt(x) = dx / (2 sqrt(x))."""

    name = "sqrt"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return array_module(x).sqrt(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad / (self.saved_output * 2),)


class Rsqrt(Function):
    """y = 1 / sqrt(x), dy = -y^3 / 2 dx."""

    name = "rsqrt"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return 1 / array_module(x).sqrt(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        y = self.saved_output
        return (grad * (y * y * y * -0.5),)


class Sin(Function):
    """d sin(x) = cos(x) dx."""

    name = "sin"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return array_module(x).sin(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad * cos(self.saved_inputs[0]),)


class Cos(Function):
    """d cos(x) = -sin(x) dx."""

    name = "cos"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return array_module(x).cos(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (-(grad * sin(self.saved_inputs[0])),)


class Tanh(Function):
    """y = tanh(x), dy = (1 - y^2) dx."""

    name = "tanh"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return array_module(x).tanh(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        y = self.saved_output
        return (grad * (1 - y * y),)


class Erf(Function):
    """y = 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, so dy = 2 / sqrt(pi) exp(-x^2) dx."""

    name = "erf"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return kernels_of(x).erf(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x,) = self.saved_inputs
        return (grad * (exp(-x * x) * (2 / math.sqrt(math.pi))),)


def abs(input: Tensor) -> Tensor:
    """Return the absolute value of input; its slope counts as 0 at 0.

    Raises
    ------
    TypeError
        If the tensor holds booleans.
    """
    input = as_tensor("abs", input)
    if input.dtype.kind == "b":
        raise TypeError("abs: a tensor of bool has no absolute value; convert it with .to()")
    return Abs.apply(input)


def square(input: Tensor) -> Tensor:
    """Return input * input; of booleans, as integers."""
    input = as_tensor("square", input)
    input = input.to("int64") if input.dtype.kind == "b" else input
    return input * input


def exp(input: Tensor) -> Tensor:
    """Return e ** input."""
    return Exp.apply(as_float_tensor("exp", input))


def expm1(input: Tensor) -> Tensor:
    """Return e ** input - 1, accurate near 0."""
    return Expm1.apply(as_float_tensor("expm1", input))


def log(input: Tensor) -> Tensor:
    """Return the natural logarithm of input."""
    return Log.apply(as_float_tensor("log", input))


def log1p(input: Tensor) -> Tensor:
    """Return the natural logarithm of 1 + input, accurate near 0."""
    return Log1p.apply(as_float_tensor("log1p", input))


def sqrt(input: Tensor) -> Tensor:
    """Return the square root of input."""
    return Sqrt.apply(as_float_tensor("sqrt", input))


def rsqrt(input: Tensor) -> Tensor:
    """Return 1 / sqrt(input)."""
    return Rsqrt.apply(as_float_tensor("rsqrt", input))


def reciprocal(input: Tensor) -> Tensor:
    """Return 1 / input."""
    return 1.0 / as_float_tensor("reciprocal", input)


def sin(input: Tensor) -> Tensor:
    """Return the sine of input, in radians."""
    return Sin.apply(as_float_tensor("sin", input))


def cos(input: Tensor) -> Tensor:
    """Return the cosine of input, in radians."""
    return Cos.apply(as_float_tensor("cos", input))


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of input."""
    return Tanh.apply(as_float_tensor("tanh", input))


def erf(input: Tensor) -> Tensor:
    """Return the error function of input: how likely a normal number of variance 1/2 lies within +-input."""
    return Erf.apply(as_float_tensor("erf", input))
