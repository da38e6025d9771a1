"""The U-Net of Ronneberger, Fischer and Brox (2015), with padded convolutions, normalisation and linear maps.

With width 16, depth 3 and 64 x 64 images:

    image             3 x 64 x 64
      two 3x3        16 x 64 x 64 ------------------------------ joined: only where output_stride is 1
        pool, two 3x3  32 x 32 x 32 --------- joined, two 3x3   32 x 32 x 32 --> 1x1 --> 16 x 32 x 32 heatmaps
          pool, two 3x3  64 x 16 x 16 --- joined, two 3x3       64 x 16 x 16
            pool, two 3x3  128 x 8 x 8 ---'   (up by 2x2 transposed convolutions that halve the channels)
"""

from __future__ import annotations

from minipose.checks import check_choice, check_flag, check_integer, check_number
from minipose.models.network import PoseNetwork
from minipose.models.options import MOST_HALVINGS, check_channels
from minipose.nn import BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, MaxPool2d, Module, ModuleList, ReLU, Sequential
from minipose.ops import cat
from minipose.tensor import Tensor


class DoubleConvolution(Sequential):
    """Twice a convolution of kernel 3 that keeps the size, with normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, padding_mode: str) -> None:
        layers = []
        for channels in (in_channels, out_channels):
            layers += [
                Conv2d(channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
                BatchNorm2d(out_channels),
                ReLU(),
            ]
        super().__init__(*layers)


class UNetBackbone(Module):
    """Images (N, in_channels, H, W) to features (N, out_channels, H / stride, W / stride); see `UNet`.

    Attributes
    ----------
    out_channels, stride : int
        Of the last level of the way up.
    least_multiple : int
        2**depth; the images' sides must be multiples of it.
    """

    def __init__(
        self, width: int, depth: int, in_channels: int, stride: int, skip: bool, dropout: float, padding_mode: str
    ) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(depth + 1)]
        last = stride.bit_length() - 1  # the level where the way up ends
        ups = range(depth - 1, last - 1, -1)
        self.out_channels, self.stride, self.least_multiple = channels[last], stride, 2**depth
        self.skip = skip
        before = [in_channels, *channels]
        self.down = ModuleList(DoubleConvolution(before[i], channels[i], padding_mode) for i in range(depth + 1))
        self.pool = MaxPool2d(2)
        self.dropout = Dropout(dropout)
        self.up = ModuleList(ConvTranspose2d(channels[i + 1], channels[i], 2, stride=2) for i in ups)
        self.merge = ModuleList(DoubleConvolution((1 + skip) * channels[i], channels[i], padding_mode) for i in ups)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        features, passed = self.down[0](input), []
        for block in list(self.down)[1:]:
            passed.append(features)
            features = block(self.pool(features))
        features = self.dropout(features)
        for up, merge in zip(self.up, self.merge, strict=True):
            features, across = up(features), passed.pop()
            features = merge(cat([across, features], dim=1) if self.skip else features)
        return features


class UNet(PoseNetwork):
    """Images (N, in_channels, H, W) to maps (N, joints, H / output_stride, W / output_stride) or coordinates.

    The published network (Ronneberger et al. 2015, figure 1) is `UNet(width=64, depth=4, output_stride=1)`. Of one
    input channel and two maps it has 31.03 M parameters (7.76 M and 1.94 M with width 32 and 16), here 31.04 M: each
    convolution of kernel 3 has a normalisation, of two numbers a channel, in the place of its bias.

    Parameters
    ----------
    width : int
        Channels of the first level; they double from level to level. Default 16.
    depth : int
        How often the size is halved, 1 to 8. Default 3.
    skip : bool
        Whether features of the way down are joined to those of the way up. Without, the convolutions after it have half
        the input channels. Default True.
    dropout : float
        Probability of dropout at the end of the way down (section 3.1). Default 0.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the convolutions of kernel 3 see beyond the edge. Default "zeros".
    head : {"heatmap", "integral", "scalar"}
    joints, in_channels : int
    output_stride : int
        1, as published, or 2, 4, ... up to 2**depth: the way up ends so many levels earlier. Default 2. A scalar head
        takes its features from there too.
    pooling : {"points", "mean"}
        Of a scalar head, as for `PoseNetwork`.

    Raises
    ------
    TypeError, ValueError
        If an option is none of these, or an image's side is not a multiple of 2**depth.
    """

    def __init__(
        self,
        width: int = 16,
        depth: int = 3,
        skip: bool = True,
        dropout: float = 0.0,
        padding_mode: str = "zeros",
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        pooling: str = "points",
    ) -> None:
        check_channels("UNet", width=width, in_channels=in_channels)
        check_integer("UNet", "depth", depth, 1, MOST_HALVINGS)
        check_flag("UNet", "skip", skip)
        check_number("UNet", "dropout", dropout, 0, 1)
        check_choice("UNet", "padding_mode", padding_mode, Conv2d.padding_modes)
        check_choice("UNet", "output_stride", output_stride, [2**level for level in range(depth + 1)])
        # A scalar head gets the end of the way up too: without it, this would be no U-Net, and the two heads could not
        # be compared. Who wants the way down alone says output_stride=2**depth.
        backbone = UNetBackbone(width, depth, in_channels, output_stride, skip, dropout, padding_mode)
        super().__init__(backbone, head, joints, output_stride, pooling=pooling)
