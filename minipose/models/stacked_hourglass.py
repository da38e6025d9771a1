"""The stacked hourglass of Newell, Yang and Deng (2016, "Stacked Hourglass Networks for Human Pose Estimation").

With width 64, order 3 and 64 x 64 images, where f is the width:

    image                  3 x 64 x 64
      convolution 7x7 /2   f/4 x 32 x 32
      residual, (max pooling if stem_stride is 4,) residual, residual
    then for each stack
      hourglass              f x 32 x 32
        up1   a residual module at full size ------------------------- +
        low1  max pooling /2, a residual module    f x 16 x 16         | low3, nearest neighbour x2
          the same at 16 x 16, at 8 x 8, and a residual module at 4 x 4'
      residual, 1x1 convolution with normalisation and ReLU, 1x1 convolution to the maps

A residual module is a pre-activation bottleneck (He et al. 2016, "Identity Mappings in Deep Residual Networks"). All
convolutions have a bias, as in the authors' code.
"""

from __future__ import annotations

from minipose.checks import check_choice, check_integer
from minipose.models.options import MOST_HALVINGS
from minipose.models.stacks import StackedNetwork, check_stacked_options
from minipose.nn import BatchNorm2d, Conv2d, Identity, MaxPool2d, Module, ReLU, Sequential, Upsample
from minipose.tensor import Tensor


class ResidualModule(Module):
    """x + F(x), F three convolutions of kernel 1, 3 and 1, each after normalisation and ReLU, half as wide inside.

    Figure 4, left. Where the channels change, a convolution of kernel 1 takes the place of x.

    Parameters
    ----------
    in_channels, out_channels : int
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        inner = out_channels // 2
        self.branch = Sequential(
            BatchNorm2d(in_channels),
            ReLU(),
            Conv2d(in_channels, inner, 1),
            BatchNorm2d(inner),
            ReLU(),
            Conv2d(inner, inner, 3, padding=1),
            BatchNorm2d(inner),
            ReLU(),
            Conv2d(inner, out_channels, 1),
        )
        self.shortcut = Identity() if in_channels == out_channels else Conv2d(in_channels, out_channels, 1)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H, W)."""
        return self.branch(input) + self.shortcut(input)


class NestedHourglass(Module):
    """A residual module at full size plus, doubled, what an hourglass of one order less makes of half the size.

    Parameters
    ----------
    width : int
        Channels everywhere.
    order : int
        How often the size is halved.
    """

    def __init__(self, width: int, order: int) -> None:
        super().__init__()
        self.up1 = ResidualModule(width, width)
        self.pool = MaxPool2d(2)
        self.low1 = ResidualModule(width, width)
        self.low2 = NestedHourglass(width, order - 1) if order > 1 else ResidualModule(width, width)
        self.low3 = ResidualModule(width, width)
        self.up2 = Upsample(scale_factor=2, mode="nearest")

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape, (N, width, H, W)."""
        return self.up1(input) + self.up2(self.low3(self.low2(self.low1(self.pool(input)))))


class StackedHourglass(StackedNetwork):
    """Images (N, in_channels, H, W) to maps (N, joints, H / stem_stride, W / stem_stride) or coordinates.

    The published network is `StackedHourglass(width=256, order=4, stacks=8, stem_stride=4)` with 16 joints and
    256 x 256 images: 25.43 M parameters (3.43 M, 6.57 M and 12.86 M with 1, 2 and 4 stacks).

    Parameters
    ----------
    width : int
        Channels of the hourglasses, a multiple of 4; the stem begins with a quarter of them. Default 64.
    order : int
        How often an hourglass halves the size, 1 to 8. Default 3; published 4.
    stacks : int
        Hourglasses one after the other. Each gets the features and the maps of the one before, added to what that one
        got (section 3.3). Default 1; published 8.
    joints, in_channels : int
    head : {"heatmap", "integral", "scalar"}
        Maps, read by `HeatmapCodec` or `IntegralCodec`, or coordinates (N, joints, 2), read by `RegressionCodec`.
        Default "heatmap".
    stem_stride : {2, 4}
        Image pixels per cell of the maps: 4, as published, or 2, the default, which leaves out the stem's max pooling.
    supervision : {"all", "last"}
        "all", the default: `forward_stacks` returns the outputs of all stacks, to be trained together. "last": only
        that of the last one.

    Attributes
    ----------
    head_kind : str
        The argument `head`.
    output_stride : int or None
        The stem's stride; None where the head is scalar.

    Raises
    ------
    TypeError, ValueError
        If an option is none of these, or an image's side is not a multiple of stem_stride * 2**order.
    """

    def __init__(
        self,
        width: int = 64,
        order: int = 3,
        stacks: int = 1,
        joints: int = 16,
        in_channels: int = 3,
        head: str = "heatmap",
        stem_stride: int = 2,
        supervision: str = "all",
    ) -> None:
        check_stacked_options("StackedHourglass", width, stacks, joints, in_channels, head, supervision)
        if width % 4:
            raise ValueError(f"StackedHourglass: width must be a multiple of 4, not {width}")
        check_integer("StackedHourglass", "order", order, 1, MOST_HALVINGS)
        check_choice("StackedHourglass", "stem_stride", stem_stride, (2, 4))
        narrow, half = width // 4, width // 2
        stem = Sequential(
            Conv2d(in_channels, narrow, 7, 2, padding=3),
            BatchNorm2d(narrow),
            ReLU(),
            ResidualModule(narrow, half),
            MaxPool2d(2) if stem_stride == 4 else Identity(),  # so that the names of the state are the same
            ResidualModule(half, half),
            ResidualModule(half, width),
        )
        super().__init__(
            stem,
            [_stack(width, order) for _ in range(stacks)],
            channels=width,
            stride=stem_stride,
            joints=joints,
            head=head,
            supervision=supervision,
            dropout=0.0,
            multiple=stem_stride * 2**order,
            rule="stem_stride * 2**order",
        )


def _stack(width: int, order: int) -> Sequential:
    """Return an hourglass and what stands between it and its head."""
    return Sequential(
        NestedHourglass(width, order),
        ResidualModule(width, width),
        Conv2d(width, width, 1),
        BatchNorm2d(width),
        ReLU(),
    )
