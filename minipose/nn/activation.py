"""Activation layers. Each is the function of the same name in `minipose.nn.functional`, with its options."""

from __future__ import annotations

import numpy as np

from minipose.checks import check_choice, check_integer, check_memory, check_number
from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import activation, tanh
from minipose.tensor import Tensor


class ReLU(Module):
    """max(x, 0), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.relu(input)


class ReLU6(Module):
    """min(max(x, 0), 6), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.relu6(input)


class LeakyReLU(Module):
    """x where it is positive, else negative_slope * x (default 0.01)."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        check_number("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x where it is positive, else weight * x, with a weight that is learnt (He et al. 2015).

    Parameters
    ----------
    num_parameters : int
        One weight for all, or one for each channel. Default 1.
    init : float
        What they are at first. Default 0.25.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        check_integer("PReLU", "num_parameters", num_parameters, 1)
        check_memory("PReLU", "weight", (num_parameters,))
        check_number("PReLU", "init", init)
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, np.float32))

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """x where it is positive, else alpha * (exp(x) - 1) (default 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        check_number("ELU", "alpha", alpha)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """x times the probability that a standard normal number is smaller; `approximate` is "none" or "tanh"."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        check_choice("GELU", "approximate", approximate, ("none", "tanh"))
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x * sigmoid(x), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.silu(input)


class Hardswish(Module):
    """x * relu6(x + 3) / 6, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.hardswish(input)


class Hardsigmoid(Module):
    """relu6(x + 3) / 6, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.hardsigmoid(input)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, or x itself where beta x is above the threshold (defaults 1 and 20)."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        check_number("Softplus", "beta", beta)
        check_number("Softplus", "threshold", threshold)
        if beta == 0:
            raise ValueError("Softplus: beta must not be 0")
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return activation.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return tanh(input)
