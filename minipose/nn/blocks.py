"""The residual blocks that networks are built from."""

from __future__ import annotations

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
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.branch = Sequential(
            Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            BatchNorm2d(out_channels),
            ReLU(),
            Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
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

    F begins with a transposed convolution of kernel 4, stride 2, whose taps cover every pixel of the result evenly;
    the shortcut's has kernel 2, stride 2 and reaches every pixel once. (With kernel 1 it would reach one pixel in
    four, and leave the grid of zeros that the report describes.)

    Parameters
    ----------
    in_channels, out_channels : int
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.branch = Sequential(
            ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
            BatchNorm2d(out_channels),
            ReLU(),
            Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            BatchNorm2d(out_channels),
        )
        self.shortcut = Sequential(
            ConvTranspose2d(in_channels, out_channels, 2, stride=2, bias=False), BatchNorm2d(out_channels)
        )
        self.relu = ReLU()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, 2 H, 2 W)."""
        return add_relu(self.branch, input, self.shortcut(input), self.relu)
