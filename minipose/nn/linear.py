"""Layers on vectors."""

from __future__ import annotations

from minipose.checks import check_flag, check_integer, check_memory, is_integer
from minipose.nn import init
from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import flatten, linear
from minipose.tensor import Tensor


class Linear(Module):
    """x W^T + b on the last axis, as `torch.nn.Linear`.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Default True.

    Attributes
    ----------
    weight : (out_features, in_features), drawn as He et al. (2015) propose
    bias : (out_features,) or None, zero at first
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        for argument, value in (("in_features", in_features), ("out_features", out_features)):
            if not is_integer(value) or value < 1:
                raise ValueError(f"Linear: {argument} must be a positive integer, not {value!r}")
        check_flag("Linear", "bias", bias)
        check_memory("Linear", "weight", (out_features, in_features))
        self.in_features, self.out_features = in_features, out_features
        self.weight = init.kaiming_normal_(
            Parameter(init.empty_weight((out_features, in_features))), nonlinearity="relu"
        )
        if bias:
            self.bias = init.zeros_(Parameter(init.empty_weight((out_features,))))
        else:
            self.register_parameter("bias", None)

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., out_features)."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Return the input; a placeholder where nothing is to be done."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input itself."""
        return input


class Flatten(Module):
    """Merge axes start_dim..end_dim into one; by default all but the first.

    Parameters
    ----------
    start_dim, end_dim : int
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        check_integer("Flatten", "start_dim", start_dim)
        check_integer("Flatten", "end_dim", end_dim)
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the flattened input."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
