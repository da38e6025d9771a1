"""Activations: what stands between the linear layers of a network, entry by entry."""

from __future__ import annotations

import math

from minipose.autograd import Function
from minipose.checks import check_choice, check_number
from minipose.kernels import Array, kernels_of
from minipose.ops.checks import as_float_tensor, as_tensor, check_float_tensor
from minipose.ops.compare import clamp, where
from minipose.ops.unary import erf, exp, expm1, log1p, tanh
from minipose.tensor import Tensor


class Sigmoid(Function):
    """s = 1 / (1 + exp(-x)), ds = s (1 - s) dx."""

    name = "sigmoid"
    fresh_gradients = True

    def forward(self, x: Array) -> Array:
        self.save_output()
        return kernels_of(x).sigmoid(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (SigmoidGrad.apply(grad, self.saved_output),)


class SigmoidGrad(Function):
    """g = grad s (1 - s), so dg = s (1 - s) dgrad + grad (1 - 2 s) ds."""

    name = "sigmoid_grad"

    def forward(self, grad: Array, s: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(grad).sigmoid_grad(grad, s)

    def backward(self, upstream: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        grad, s = self.saved_inputs
        return SigmoidGrad.apply(upstream, s), upstream * grad * (1 - 2 * s) if wanted[1] else None


class ReLU(Function):
    """d max(x, 0) = dx where x > 0, else 0; the kink at 0 counts as flat."""

    name = "relu"
    fresh_gradients = True

    def forward(self, x: Array) -> Array:
        self.save_output()
        return kernels_of(x).relu(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (ReLUGrad.apply(grad, y=self.saved_output.data),)


class ReLUGrad(Function):
    """Pass `grad` where y is positive: linear in grad, so its backward is itself."""

    name = "relu_grad"

    def forward(self, grad: Array, y: Array) -> Array:
        self.save(y)
        return kernels_of(grad).relu_grad(grad, y)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (ReLUGrad.apply(grad, y=self.saved[0]),)


class ReLU6(Function):
    """d min(max(x, 0), 6) = dx where 0 < x < 6, else 0; both kinks count as flat."""

    name = "relu6"
    fresh_gradients = True

    def forward(self, x: Array) -> Array:
        self.save_output()
        return kernels_of(x).relu6(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (ReLU6Grad.apply(grad, y=self.saved_output.data),)


class ReLU6Grad(Function):
    """Pass `grad` where y is between 0 and 6: linear in grad, so its backward is itself."""

    name = "relu6_grad"

    def forward(self, grad: Array, y: Array) -> Array:
        self.save(y)
        return kernels_of(grad).relu6_grad(grad, y)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (ReLU6Grad.apply(grad, y=self.saved[0]),)


class LeakyReLU(Function):
    """y = x where x is positive, else slope x; dy = dx or slope dx."""

    name = "leaky_relu"
    fresh_gradients = True

    def forward(self, x: Array, slope: float) -> Array:
        self.slope = slope
        self.save_inputs(0)
        return kernels_of(x).leaky_relu(x, slope)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (LeakyReLUGrad.apply(grad, x=self.saved_inputs[0].data, slope=self.slope),)


class LeakyReLUGrad(Function):
    """grad where x is positive, else slope grad: linear in grad, so its backward is itself."""

    name = "leaky_relu_grad"

    def forward(self, grad: Array, x: Array, slope: float) -> Array:
        self.slope = slope
        self.save(x)
        return kernels_of(grad).leaky_relu_grad(grad, x, slope)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (LeakyReLUGrad.apply(grad, x=self.saved[0], slope=self.slope),)


class SiLU(Function):
    """y = x s(x), s the sigmoid, so dy = s (1 + x (1 - s)) dx."""

    name = "silu"
    fresh_gradients = True

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return kernels_of(x).silu(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (SiLUGrad.apply(grad, self.saved_inputs[0]),)


class SiLUGrad(Function):
    """g = grad s (1 + x (1 - s)), so dg = s (1 + x (1 - s)) dgrad + grad s (1 - s) (2 + x (1 - 2 s)) dx."""

    name = "silu_grad"

    def forward(self, grad: Array, x: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(grad).silu_grad(grad, x)

    def backward(self, upstream: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        grad, x = self.saved_inputs
        grad_x = None
        if wanted[1]:
            s = sigmoid(x)
            grad_x = upstream * grad * (s * (1 - s) * (2 + x * (1 - 2 * s)))
        return SiLUGrad.apply(upstream, x), grad_x


class HardSigmoid(Function):
    """y = relu6(x + 3) / 6, so dy = dx / 6 where 0 < y < 1, else 0; both kinks count as flat."""

    name = "hardsigmoid"

    def forward(self, x: Array) -> Array:
        self.save_output()
        return kernels_of(x).hardsigmoid(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (HardSigmoidGrad.apply(grad, y=self.saved_output.data),)


class HardSigmoidGrad(Function):
    """grad / 6 where y is between 0 and 1: linear in grad, so its backward is itself."""

    name = "hardsigmoid_grad"

    def forward(self, grad: Array, y: Array) -> Array:
        self.save(y)
        return kernels_of(grad).hardsigmoid_grad(grad, y)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (HardSigmoidGrad.apply(grad, y=self.saved[0]),)


class HardSwish(Function):
    """y = x relu6(x + 3) / 6, so dy = (x / 3 + 1 / 2) dx where -3 < x < 3; 0 below and dx above."""

    name = "hardswish"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        return kernels_of(x).hardswish(x)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (HardSwishGrad.apply(grad, self.saved_inputs[0]),)


class HardSwishGrad(Function):
    """g = grad (x / 3 + 1 / 2) where -3 < x < 3, so there dg = (x / 3 + 1 / 2) dgrad + grad dx / 3."""

    name = "hardswish_grad"

    def forward(self, grad: Array, x: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(grad).hardswish_grad(grad, x)

    def backward(self, upstream: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        grad, x = self.saved_inputs
        grad_x = None
        if wanted[1]:
            bent = ((x.data > -3) & (x.data < 3)).astype(x.dtype)
            grad_x = upstream * grad * (Tensor(bent) / 3)
        return HardSwishGrad.apply(upstream, x), grad_x


def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-input)); integers become float32."""
    return Sigmoid.apply(as_float_tensor("sigmoid", input))


def relu(input: Tensor) -> Tensor:
    """Return max(input, 0), entry by entry; a NaN stays NaN, so that it is noticed.

    Raises
    ------
    TypeError
        If the tensor holds booleans.
    """
    input = as_tensor("relu", input)
    if input.dtype.kind == "b":
        raise TypeError("relu: a tensor of bool has no sign; convert it with .to()")
    return ReLU.apply(input)


def relu6(input: Tensor) -> Tensor:
    """Return min(max(input, 0), 6) (Krizhevsky 2010); both kinks count as flat."""
    check_float_tensor("relu6", "input", input)
    return ReLU6.apply(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return input where it is positive, else negative_slope * input (Maas et al. 2013)."""
    check_float_tensor("leaky_relu", "input", input)
    check_number("leaky_relu", "negative_slope", negative_slope)
    return LeakyReLU.apply(input, slope=float(negative_slope))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return input where it is positive, else weight * input, with a weight that is learnt (He et al. 2015).

    Parameters
    ----------
    input : (N, C, ...), or of any shape if the weight is one number
    weight : (1,) or (C,)

    Raises
    ------
    ValueError, TypeError
        If the weight has another shape or dtype.
    """
    check_float_tensor("prelu", "input", input)
    check_float_tensor("prelu", "weight", weight)
    C = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, C) or (weight.ndim == 0 and weight.numel() != 1):
        raise ValueError(f"prelu: weight must be (1,) or (C,) = ({C},) for input {input.shape}, not {weight.shape}")
    if weight.dtype != input.dtype:
        raise TypeError(f"prelu: weight is {weight.dtype} but input {input.dtype}; convert one with .to()")
    if weight.device != input.device:
        raise ValueError(f"prelu: weight is on {weight.device!r} but input on {input.device!r}; move one with .to()")
    if weight.numel() > 1:
        weight = weight.reshape(1, -1, *(1,) * (input.ndim - 2))
    elif weight.ndim:
        weight = weight.reshape(())
    return where(input > 0, input, input * weight)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return input where it is positive, else alpha * (exp(input) - 1) (Clevert et al. 2016)."""
    check_float_tensor("elu", "input", input)
    check_number("elu", "alpha", alpha)
    # The branch that is not taken must be finite too, or 0 times its slope would be NaN.
    return where(input > 0, input, expm1(clamp(input, max=0.0)) * float(alpha))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input times the probability that a standard normal number is smaller (Hendrycks & Gimpel 2016).

    Parameters
    ----------
    input : Tensor
    approximate : {"none", "tanh"}
        Exact, by the error function, or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    """
    check_float_tensor("gelu", "input", input)
    check_choice("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "none":
        return input * (erf(input * math.sqrt(0.5)) + 1) * 0.5
    return input * (tanh((input + input * input * input * 0.044715) * math.sqrt(2 / math.pi)) + 1) * 0.5


def silu(input: Tensor) -> Tensor:
    """Return input * sigmoid(input), also known as swish (Elfwing et al. 2018)."""
    check_float_tensor("silu", "input", input)
    return SiLU.apply(input)


def hardsigmoid(input: Tensor) -> Tensor:
    """Return relu6(input + 3) / 6, which is near the sigmoid (Howard et al. 2019)."""
    check_float_tensor("hardsigmoid", "input", input)
    return HardSigmoid.apply(input)


def hardswish(input: Tensor) -> Tensor:
    """Return input * hardsigmoid(input): 0 below -3, input above 3, a parabola between (Howard et al. 2019)."""
    check_float_tensor("hardswish", "input", input)
    return HardSwish.apply(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta * input)) / beta, a smooth relu (Dugas et al. 2001).

    Parameters
    ----------
    input : Tensor
    beta : float
        How sharp the bend is. Default 1.
    threshold : float
        Where beta * input is larger, the result is the input itself, as in torch. Default 20.

    Raises
    ------
    ValueError, TypeError
        If beta is 0, or an argument is of the wrong kind.
    """
    check_float_tensor("softplus", "input", input)
    check_number("softplus", "beta", beta)
    check_number("softplus", "threshold", threshold)
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    scaled = input * float(beta)
    bent = log1p(exp(clamp(scaled, max=float(threshold)))) / float(beta)
    return where(scaled > float(threshold), input, bent)
