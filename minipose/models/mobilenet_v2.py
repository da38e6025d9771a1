"""MobileNetV2: inverted residual blocks with linear bottlenecks (Sandler et al. 2018), and a head.

With width multiplier 0.5, a stem of stride 1 and 64 x 64 images:

    image                            3 x 64 x 64
      convolution                   16 x 64 x 64
      1 block                        8 x 64 x 64
      2 blocks, the first /2        16 x 32 x 32
      3 blocks, the first /2        16 x 16 x 16
      4 + 3 blocks, the first /2    32, then 48 x 8 x 8
      3 + 1 blocks, the first /2    80, then 160 x 4 x 4
      3 transposed convolutions     64 x 8 x 8, 64 x 16 x 16, 64 x 32 x 32
      1x1 convolution               16 x 32 x 32 heatmaps
"""

from __future__ import annotations

from minipose.checks import check_choice, check_number
from minipose.models.network import PoseNetwork
from minipose.models.options import check_channels
from minipose.nn import BatchNorm2d, Conv2d, Module, ReLU6, Sequential
from minipose.tensor import Tensor

STEM = 32  # channels
ROWS = (  # table 2: expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
MULTIPLE = 8
MOST = 16  # times as wide as published


def scaled(channels: int, multiplier: float) -> int:
    """Return channels * multiplier as a multiple of 8: the nearest, or the next where that would take over 10 % off."""
    wanted = channels * multiplier
    nearest = max(MULTIPLE, int(wanted + MULTIPLE / 2) // MULTIPLE * MULTIPLE)
    return nearest if nearest >= 0.9 * wanted else nearest + MULTIPLE


def convolution(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> Sequential:
    """Return a convolution with normalisation and ReLU6."""
    return Sequential(
        Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, groups=groups, bias=False),
        BatchNorm2d(out_channels),
        ReLU6(),
    )


class InvertedResidual(Module):
    """Widen by a 1x1 convolution, filter each channel by itself, narrow by a linear 1x1 convolution (section 3.3).

    The input is added where the result has its shape: stride 1 and as many channels.

    Parameters
    ----------
    in_channels, out_channels, stride : int
    expansion : int
        How many times as many channels there are in between; with 1, nothing widens.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.adds = stride == 1 and in_channels == out_channels
        self.conv = Sequential(
            *([convolution(in_channels, hidden, 1)] if expansion > 1 else []),
            convolution(hidden, hidden, 3, stride, groups=hidden),
            Conv2d(hidden, out_channels, 1, bias=False),
            BatchNorm2d(out_channels),
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        return input + self.conv(input) if self.adds else self.conv(input)


class MobileNetV2Backbone(Module):
    """Images to features of stride 16 * stem_stride; its keys are those of torchvision's `mobilenet_v2`."""

    def __init__(self, width_multiplier: float, last_channels: int | None, stem_stride: int, in_channels: int) -> None:
        super().__init__()
        channels = scaled(STEM, width_multiplier)
        layers: list[Module] = [convolution(in_channels, channels, 3, stem_stride)]
        for expansion, published, blocks, stride in ROWS:
            for i in range(blocks):
                wanted = scaled(published, width_multiplier)
                layers.append(InvertedResidual(channels, wanted, stride if i == 0 else 1, expansion))
                channels = wanted
        if last_channels is not None:
            layers.append(convolution(channels, last_channels, 1))
            channels = last_channels
        self.features = Sequential(*layers)
        self.out_channels, self.stride = channels, 16 * stem_stride

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        return self.features(input)


class MobileNetV2(PoseNetwork):
    """Images to maps or coordinates by MobileNetV2 (Sandler et al. 2018); see `PoseNetwork` for what is returned.

    The published network is `MobileNetV2(width_multiplier=1.0, last_channels=1280, stem_stride=2)`: 2,223,872
    parameters without its head, 1,811,712 without its last convolution too. `network.backbone` loads the weights of
    torchvision's `mobilenet_v2`, without those of its classifier; they expect ImageNet's mean and standard
    deviation, not the scale of `to_input`: see docs/reference/models.

    Parameters
    ----------
    width_multiplier : float
        Channels as a share of the published ones, each rounded to a multiple of 8, never below 90 %. Default 0.5.
    last_channels : int, optional
        Channels of a 1x1 convolution after the last block, which the published network has 1280 of, 1792 at width
        multiplier 1.4. Default: there is none, the head begins at the last block's 320 times the multiplier.
    stem_stride : {1, 2}
        Of the first convolution; the features have 16 times that. Published: 2. Default 1, for images of 64 pixels.
    head, joints, output_stride, upsampling, head_width, pooling : as for `PoseNetwork`
        By default maps at half the image's size, of transposed convolutions with 64 channels; with 256, as over a
        ResNet, the head would be the larger part.
    in_channels : int

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range, or an image's side is no multiple of the features' stride.
    """

    def __init__(
        self,
        width_multiplier: float = 0.5,
        last_channels: int | None = None,
        stem_stride: int = 1,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        check_number("MobileNetV2", "width_multiplier", width_multiplier, 0.01, MOST)
        if last_channels is not None:
            check_channels("MobileNetV2", last_channels=last_channels)
        check_choice("MobileNetV2", "stem_stride", stem_stride, (1, 2))
        check_channels("MobileNetV2", in_channels=in_channels)
        backbone = MobileNetV2Backbone(width_multiplier, last_channels, stem_stride, in_channels)
        super().__init__(backbone, head, joints, output_stride, upsampling, head_width, pooling)
