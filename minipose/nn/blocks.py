"""The residual blocks that networks are built from."""

from __future__ import annotations

from minipose.checks import check_integer
from minipose.nn.activation import ReLU
from minipose.nn.container import Sequential
from minipose.nn.conv import Conv2d, ConvTranspose2d
from minipose.nn.fusion import add_relu
from minipose.nn.linear import Identity
from minipose.nn.module import Module
from minipose.nn.norm import BatchNorm2d
from minipose.tensor import Tensor


class ResidualBlock(Module):
    """relu(F(x) + shortcut(x)) with F two 3x3 convolutions (He et al. 2016, figure 2 and section 3.3).

    The shortcut is x itself, or a 1x1 convolution with batch normalisation where the shape changes.

    Parameters
    ----------
    in_channels, out_channels : int
    stride : int
        2 halves the size. Default 1.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        Of the 3x3 convolutions; see `Conv2d`.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, padding_mode: str = "zeros") -> None:
        super().__init__()
        self.branch = Sequential(
            Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False, padding_mode=padding_mode),
            BatchNorm2d(out_channels),
            ReLU(),
            Conv2d(out_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
            BatchNorm2d(out_channels),
        )
        if stride == 1 and in_channels == out_channels:
            self.shortcut = Identity()
        else:
            self.shortcut = Sequential(
                Conv2d(in_channels, out_channels, 1, stride, bias=False), BatchNorm2d(out_channels)
            )
        self.relu = ReLU()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        return add_relu(self.branch, input, self.shortcut(input), self.relu)


class TransposedResidualBlock(Module):
    """The residual block turned round: relu(F(x) + shortcut(x)) at twice the size.

    F begins with a transposed convolution of stride 2. With kernel 4 its taps cover every pixel of the result evenly,
    with kernel 2 every pixel is reached once; with kernel 3 the number of taps goes 1, 2, 1, 2 and 2, 4, 2, 4 from line
    to line, a checkerboard, and with kernel 1 three pixels in four are reached by none, the grid of zeros that the
    report describes (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"). The shortcut is a transposed
    convolution too, of kernel 2, or 1 where `kernel` is 1, with batch normalisation.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : int
        Of F's transposed convolution, from 1 to 4. Default 4.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        Of the 3x3 convolution; a transposed convolution has no other than zeros.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 4, padding_mode: str = "zeros") -> None:
        super().__init__()
        check_integer("TransposedResidualBlock", "kernel", kernel, 1, 4)
        self.branch = Sequential(
            _doubling(in_channels, out_channels, kernel),
            BatchNorm2d(out_channels),
            ReLU(),
            Conv2d(out_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
            BatchNorm2d(out_channels),
        )
        self.shortcut = Sequential(_doubling(in_channels, out_channels, min(kernel, 2)), BatchNorm2d(out_channels))
        self.relu = ReLU()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, 2 H, 2 W)."""
        return add_relu(self.branch, input, self.shortcut(input), self.relu)


def _doubling(in_channels: int, out_channels: int, kernel: int) -> ConvTranspose2d:
    """Return a transposed convolution of stride 2 whose result has exactly twice the size."""
    return ConvTranspose2d(
        in_channels, out_channels, kernel, 2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=False
    )
