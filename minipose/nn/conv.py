"""Convolution layers."""

from __future__ import annotations

from minipose.nn import init
from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import conv2d, conv_transpose2d
from minipose.ops.checks import Pair, is_integer, pair
from minipose.tensor import Tensor


class _Conv(Module):
    """What Conv2d and ConvTranspose2d share: options, weight and bias."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair,
        padding: int | Pair,
        dilation: int | Pair,
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        for argument, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            if not is_integer(value) or value < 1:
                raise ValueError(f"{name}: {argument} must be a positive integer, not {value!r}")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(name, "kernel_size", kernel_size, 1)
        self.stride = pair(name, "stride", stride, 1)
        self.padding = pair(name, "padding", padding, 0)
        self.dilation = pair(name, "dilation", dilation, 1)
        self.weight = Parameter(init.empty_weight((*self._weight_channels(), *self.kernel_size)))
        if bias:
            self.bias = Parameter(init.empty_weight((out_channels,)))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_channels(self) -> Pair:
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw the weight anew (He et al. 2015), and set the bias to zero."""
        init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        for name, usual in (("padding", (0, 0)), ("dilation", (1, 1)), ("output_padding", (0, 0)), ("groups", 1)):
            if self.__dict__.get(name, usual) != usual:
                parts.append(f"{name}={self.__dict__[name]}")
        return ", ".join(parts + (["bias=False"] if self.bias is None else []))


class Conv2d(_Conv):
    """Convolution of images (N, in_channels, H, W), as `torch.nn.Conv2d`; see `minipose.nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation : int or (vertical, horizontal), in pixels; padding adds zeros
    groups : int
        The channels are split into this many parts that do not see each other.
    bias : bool
        Default True. Leave it out before batch normalisation, which removes it again.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, KH, KW), drawn as He et al. (2015) propose
    bias : (out_channels,) or None, zero at first
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)

    def _weight_channels(self) -> Pair:
        return self.out_channels, self.in_channels // self.groups

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, OH, OW)."""
        return conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Conv):
    """Transposed convolution, as `torch.nn.ConvTranspose2d`; see `minipose.nn.functional.conv_transpose2d`.

    With kernel_size=4, stride=2, padding=1 it doubles the size and every pixel is reached by the same number of taps.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation : int or (vertical, horizontal), in pixels of the result
    output_padding : int or (vertical, horizontal)
        Rows and columns that the result has more, at the bottom and on the right.
    groups : int
    bias : bool

    Attributes
    ----------
    weight : (in_channels, out_channels / groups, KH, KW)
    bias : (out_channels,) or None, zero at first
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Pair = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        self.output_padding = pair("ConvTranspose2d", "output_padding", output_padding, 0)

    def _weight_channels(self) -> Pair:
        return self.in_channels, self.out_channels // self.groups

    def reset_parameters(self) -> None:
        """Draw the weight anew (He et al. 2015), and set the bias to zero."""
        init.kaiming_normal_transposed_(self.weight, self.stride, self.groups)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, OH, OW)."""
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )
