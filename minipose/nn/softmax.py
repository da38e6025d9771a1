"""Softmax layers."""

from __future__ import annotations

from minipose.checks import is_integer
from minipose.nn.module import Module
from minipose.ops import log_softmax, softmax
from minipose.tensor import Tensor


class Softmax(Module):
    """exp(x) divided by its sum over axis `dim`.

    Parameters
    ----------
    dim : int
        The axis that sums to 1. It must be given: torch guesses one and warns.

    Raises
    ------
    TypeError
        If `dim` is not an integer.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        if not is_integer(dim):
            raise TypeError(f"{type(self).__name__}: dim must be an integer, the axis to normalise over, not {dim!r}")
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of `Softmax`, accurate where that is too small for a float."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return log_softmax(input, self.dim)
