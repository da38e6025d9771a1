"""What makes joints of features: heatmaps, found by going up in size, or numbers."""

from __future__ import annotations

from minipose.creation import tensor
from minipose.nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    ReLU,
    Sequential,
    Upsample,
    init,
    soft_argmax2d,
)
from minipose.tensor import Tensor

HEADS = ("heatmap", "integral", "scalar")
UPSAMPLINGS = ("deconvolution", "bilinear")
POOLINGS = ("points", "mean")
POINTS = 8  # for each joint
FINAL_STRIDE = 16  # image pixels per cell where the mean is taken
WIDEST = 512  # channels that the mean is taken of


class Deconvolution(Sequential):
    """Double the size by a transposed convolution of kernel 4, with normalisation and ReLU (Xiao et al. 2018)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
            BatchNorm2d(out_channels),
            ReLU(),
        )


class BilinearUpsampling(Sequential):
    """Double the size by interpolation, then convolve with kernel 3, with normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            Upsample(scale_factor=2, mode="bilinear"),
            Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            BatchNorm2d(out_channels),
            ReLU(),
        )


class MapHead(Sequential):
    """Features to one map for each joint, through `steps` doublings of the size and a convolution of kernel 1.

    Parameters
    ----------
    in_channels, joints : int
    steps : int
        0: the convolution alone.
    upsampling : {"deconvolution", "bilinear"}
        "deconvolution": `width` channels after each step (Xiao et al. 2018). "bilinear": `width`, then half of the step
        before each time, down to 16 (the report's chain).
    width : int
    """

    def __init__(
        self, in_channels: int, joints: int, steps: int = 0, upsampling: str = "deconvolution", width: int = 256
    ) -> None:
        layers, channels = [], in_channels
        for step in range(steps):
            if upsampling == "deconvolution":
                layers.append(Deconvolution(channels, width))
                channels = width
            else:
                narrower = max(width // 2**step, min(width, 16))
                layers.append(BilinearUpsampling(channels, narrower))
                channels = narrower
        last = Conv2d(channels, joints, 1)
        init.normal_(last.weight, std=0.001)  # maps begin near zero, where most of every target is
        super().__init__(*layers, last)


class FeaturePoints(Module):
    """Features to positions: maps, and of each the mean position under its softmax (Levine et al. 2016, section 5.1).

    Parameters
    ----------
    in_channels : int
    points : int
        Number of maps.
    """

    def __init__(self, in_channels: int, points: int) -> None:
        super().__init__()
        self.maps = Conv2d(in_channels, points, 1, bias=False)  # a softmax does not change with one

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, 2 * points): the positions (x, y), from -0.5 to 0.5 between the edges of the image."""
        height, width = input.shape[2:]
        sides = tensor([width, height], dtype=input.dtype, device=input.device)
        return ((soft_argmax2d(self.maps(input)) + 0.5) / sides - 0.5).flatten(1)


class MeanFeatures(Module):
    """Features (N, C, H, W) to means (N, C'): what a classifier does with them.

    Features of a stride below 16, such as those of an hourglass, are first halved to it by convolutions of stride 2,
    each with twice the channels, at most 512: a mean over the whole image of a few fine maps says little.

    Parameters
    ----------
    in_channels : int
    stride : int
        Image pixels per cell of the features.

    Attributes
    ----------
    out_channels : int
        C'.
    """

    def __init__(self, in_channels: int, stride: int) -> None:
        super().__init__()
        layers, channels = [], in_channels
        while stride < FINAL_STRIDE:
            wider = max(channels, min(2 * channels, WIDEST))
            layers += [Conv2d(channels, wider, 3, 2, padding=1, bias=False), BatchNorm2d(wider), ReLU()]
            channels, stride = wider, 2 * stride
        self.out_channels = channels
        self.reduce = Sequential(*layers)
        self.pool = AdaptiveAvgPool2d(1)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C')."""
        return self.pool(self.reduce(input)).flatten(1)


class ScalarHead(Module):
    """Features to coordinates (N, joints, 2), from 0 to 1 in the image, by pooling and a linear layer.

    Parameters
    ----------
    in_channels, joints : int
    stride : int
        Image pixels per cell of the features.
    pooling : {"points", "mean"}
        What is kept of the features: the positions of 8 feature points for each joint, or the mean of each channel, as
        in a classifier. A mean tells how strong a feature is, not where, so positions are learnt more slowly from it.
    """

    def __init__(self, in_channels: int, joints: int, stride: int, pooling: str = "points") -> None:
        super().__init__()
        self.joints = joints
        if pooling == "points":
            self.pooling, numbers = FeaturePoints(in_channels, POINTS * joints), 2 * POINTS * joints
        else:
            self.pooling = MeanFeatures(in_channels, stride)
            numbers = self.pooling.out_channels
        self.linear = Linear(numbers, 2 * joints)
        init.normal_(self.linear.weight, std=0.01)
        init.constant_(self.linear.bias, 0.5)  # with small weights, the middle of the image

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, joints, 2)."""
        return self.linear(self.pooling(input)).reshape(input.shape[0], self.joints, 2)
