"""Pooling layers."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import Pair, check_flag, check_integer, pair
from minipose.nn.module import Module
from minipose.ops import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from minipose.ops.pool import adaptive_sizes
from minipose.tensor import Tensor


class MaxPool2d(Module):
    """The largest value of each window, as `torch.nn.MaxPool2d`; see `minipose.nn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int or (vertical, horizontal), in pixels; stride defaults to kernel_size
    return_indices : bool
        Return also the places of the winners. Default False.
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
        check_flag("MaxPool2d", "return_indices", return_indices)
        check_flag("MaxPool2d", "ceil_mode", ceil_mode)
        stride = kernel_size if stride is None else stride
        for argument, value, least in (
            ("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)
        ):  # fmt: skip
            pair("MaxPool2d", argument, value, least)
        self.kernel_size, self.stride = kernel_size, stride
        self.padding, self.dilation = padding, dilation
        self.ceil_mode, self.return_indices = ceil_mode, return_indices

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return (N, C, OH, OW), or (C, OH, OW) for a single image."""
        return max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The average of each window, as `torch.nn.AvgPool2d`; see `minipose.nn.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding : int or (vertical, horizontal), in pixels; stride defaults to kernel_size
    ceil_mode, count_include_pad : bool
    divisor_override : int, optional
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        stride = kernel_size if stride is None else stride
        for argument, value, least in (("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0)):
            pair("AvgPool2d", argument, value, least)
        check_flag("AvgPool2d", "ceil_mode", ceil_mode)
        check_flag("AvgPool2d", "count_include_pad", count_include_pad)
        if divisor_override is not None:
            check_integer("AvgPool2d", "divisor_override", divisor_override)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, OH, OW), or (C, OH, OW) for a single image."""
        return avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Adaptive(Module):
    """What the adaptive layers share: an output size."""

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__()
        adaptive_sizes(type(self).__name__, output_size)
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_Adaptive):
    """The average of windows chosen so that the result has output_size, as `torch.nn.AdaptiveAvgPool2d`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, OH, OW), or (C, OH, OW) for a single image."""
        return adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(_Adaptive):
    """The largest value of windows chosen so that the result has output_size, as `torch.nn.AdaptiveMaxPool2d`.

    Parameters
    ----------
    output_size : int or (OH, OW), of which None keeps the input's
    return_indices : bool
        Return also the places of the winners. Default False.
    """

    def __init__(self, output_size: int | Sequence[int | None], return_indices: bool = False) -> None:
        super().__init__(output_size)
        check_flag("AdaptiveMaxPool2d", "return_indices", return_indices)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return (N, C, OH, OW), or (C, OH, OW) for a single image."""
        return adaptive_max_pool2d(input, self.output_size, self.return_indices)
