"""Convolution layers."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import Pair, check_choice, check_flag, check_memory, is_integer
from minipose.nn import init
from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import conv1d, conv2d, conv_transpose2d
from minipose.ops.checks import check_tensor
from minipose.ops.conv import per_axis, transposed_size
from minipose.ops.pad import pad
from minipose.tensor import Tensor


class _Conv(Module):
    """What the convolutions share: options, weight and bias."""

    axes = 2
    padding_modes: Sequence[str] = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
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
        check_flag(name, "bias", bias)
        check_choice(name, "padding_mode", padding_mode, self.padding_modes)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = self._per_axis("kernel_size", kernel_size, 1)
        self.stride = self._per_axis("stride", stride, 1)
        self.padding = self._checked_padding(padding)
        self.dilation = self._per_axis("dilation", dilation, 1)
        self.padding_mode = padding_mode
        shape = (*self._weight_channels(), *self.kernel_size)
        check_memory(name, "weight", shape)
        self.weight = Parameter(init.empty_weight(shape))
        if bias:
            self.bias = Parameter(init.empty_weight((out_channels,)))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _per_axis(self, argument: str, value: int | Sequence[int], least: int) -> tuple[int, ...]:
        return per_axis(type(self).__name__, argument, value, least, self.axes)[-self.axes :]

    def _checked_padding(self, padding: int | Sequence[int] | str) -> tuple[int, ...] | str:
        if not isinstance(padding, str):
            return self._per_axis("padding", padding, 0)
        check_choice(type(self).__name__, "padding", padding, ("same", "valid"))
        if padding == "same" and set(self.stride) != {1}:
            raise ValueError(f"{type(self).__name__}: padding='same' needs a stride of 1, not {self.stride}")
        return padding

    def _weight_channels(self) -> Pair:
        return self.out_channels, self.in_channels // self.groups

    def reset_parameters(self) -> None:
        """Draw the weight anew (He et al. 2015), and set the bias to zero."""
        init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            init.zeros_(self.bias)

    def _padded(self, input: Tensor) -> tuple[Tensor, tuple[int, ...] | str | int]:
        """Return the input, padded as `padding_mode` says, and the zeros that are still to be added."""
        if self.padding_mode == "zeros" or self.padding == "valid":
            return input, self.padding
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            sides = [(n // 2, n - n // 2) for n in total]
        else:
            sides = [(n, n) for n in self.padding]
        return pad(input, [n for side in reversed(sides) for n in side], mode=self.padding_mode), 0

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        none, ones = (0,) * self.axes, (1,) * self.axes
        for name, usual in (("padding", none), ("dilation", ones), ("output_padding", none), ("groups", 1)):
            if self.__dict__.get(name, usual) != usual:
                parts.append(f"{name}={self.__dict__[name]}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv1d(_Conv):
    """Convolution of lines (N, in_channels, L), as `torch.nn.Conv1d`; see `minipose.nn.functional.conv1d`.

    Parameters
    ----------
    in_channels, out_channels, groups, bias, padding_mode : as for `Conv2d`
    kernel_size, stride, padding, dilation : int; padding may also be "same" or "valid"

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, K), drawn as He et al. (2015) propose
    bias : (out_channels,) or None, zero at first
    """

    axes = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, OL), or (out_channels, OL) for a single line."""
        x, padding = self._padded(input)
        return conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Convolution of images (N, in_channels, H, W), as `torch.nn.Conv2d`; see `minipose.nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, dilation : int or (vertical, horizontal), in pixels
    padding : int, (vertical, horizontal), "same" or "valid"
    groups : int
        The channels are split into this many parts that do not see each other.
    bias : bool
        Default True. Leave it out before batch normalisation, which removes it again.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding is made of; see `minipose.nn.functional.pad`.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, KH, KW), drawn as He et al. (2015) propose
    bias : (out_channels,) or None, zero at first
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, OH, OW), or (out_channels, OH, OW) for a single image."""
        x, padding = self._padded(input)
        return conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


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
    padding_mode : {"zeros"}

    Attributes
    ----------
    weight : (in_channels, out_channels / groups, KH, KW)
    bias : (out_channels,) or None, zero at first
    """

    padding_modes = ("zeros",)

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
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)
        self.output_padding = self._per_axis("output_padding", output_padding, 0)

    def _checked_padding(self, padding: int | Pair) -> tuple[int, ...]:
        return self._per_axis("padding", padding, 0)

    def _weight_channels(self) -> Pair:
        return self.in_channels, self.out_channels // self.groups

    def reset_parameters(self) -> None:
        """Draw the weight anew (He et al. 2015), and set the bias to zero."""
        init.kaiming_normal_transposed_(self.weight, self.stride, self.groups)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return (N, out_channels, OH, OW), or (out_channels, OH, OW) for a single image.

        Parameters
        ----------
        input : (N, in_channels, H, W) or (in_channels, H, W)
        output_size : (OH, OW) or a whole shape that ends so, optional
            Which of the sizes that a convolution would make the input of; default: as output_padding says.
        """
        more = self.output_padding if output_size is None else self._more(input, output_size)
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _more(self, input: Tensor, output_size: Sequence[int]) -> Pair:
        """Return the output_padding that leads to `output_size`."""
        check_tensor("ConvTranspose2d", "input", input)
        if input.ndim not in (3, 4):
            raise ValueError(f"ConvTranspose2d: input must be N C H W or C H W, not of shape {input.shape}")
        sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else ()
        if len(sizes) not in (2, input.ndim) or not all(map(is_integer, sizes)):
            raise ValueError(f"ConvTranspose2d: output_size must be (OH, OW) or a whole shape, not {output_size!r}")
        smallest = transposed_size(input.shape[-2:], self.kernel_size, self.stride, self.padding, self.dilation)
        more = sizes[-2] - smallest[0], sizes[-1] - smallest[1]
        if not all(0 <= m < s for m, s in zip(more, self.stride, strict=True)):
            largest = tuple(n + s - 1 for n, s in zip(smallest, self.stride, strict=True))
            raise ValueError(
                f"ConvTranspose2d: output_size={output_size} must be from {smallest} to {largest} "
                f"for an input of shape {input.shape}"
            )
        return more
