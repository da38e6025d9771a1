"""Dropout layers."""

from __future__ import annotations

from minipose.checks import check_flag, check_number
from minipose.nn.module import Module
from minipose.ops import dropout, dropout2d
from minipose.tensor import Tensor


class Dropout(Module):
    """In training set each entry to zero with probability `p` and divide the others by 1 - p; in use do nothing.

    Parameters
    ----------
    p : float
        From 0 to 1. Default 0.5.
    inplace : bool
        For torch's signature; must be False.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        name = type(self).__name__
        check_number(name, "p", p, 0, 1)
        check_flag(name, "inplace", inplace)
        if inplace:
            raise ValueError(f"{name}: inplace=True is not offered: no gradient flows through a write")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """As `Dropout`, for whole channels of images (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return dropout2d(input, self.p, self.training)
