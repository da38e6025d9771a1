"""Activation layers."""

from __future__ import annotations

from minipose.nn.module import Module
from minipose.ops import relu, sigmoid
from minipose.tensor import Tensor


class ReLU(Module):
    """max(x, 0), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return relu(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return sigmoid(input)
