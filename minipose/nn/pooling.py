"""Pooling layers."""

from __future__ import annotations

from minipose.nn.module import Module
from minipose.ops import max_pool2d
from minipose.ops.checks import Pair, pair
from minipose.tensor import Tensor


class MaxPool2d(Module):
    """The largest value of each window, as `torch.nn.MaxPool2d`; see `minipose.nn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int or (vertical, horizontal), in pixels; stride defaults to kernel_size
    return_indices : bool
        Not done yet.
    ceil_mode : bool
        Also keep a last window that hangs over the edge. Default False.
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        if return_indices:
            raise NotImplementedError("MaxPool2d: return_indices=True is not done yet")
        stride = kernel_size if stride is None else stride
        for argument, value, least in (
            ("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)
        ):  # fmt: skip
            pair("MaxPool2d", argument, value, least)
        self.kernel_size, self.stride = kernel_size, stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, OH, OW)."""
        return max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )
