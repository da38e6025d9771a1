"""DeepPose: the network of the first deep pose regression, which is AlexNet with two numbers for each joint at its end.

With width 96, hidden 4096, stem_stride 4 and images of 220 x 220, as published (Toshev and Szegedy 2014, figure 2):

    image              3 x 220 x 220
      convolution 11/4   96 x 55 x 55     pool 3/2
      convolution 5     256 x 27 x 27     pool 3/2
      convolution 3     384 x 13 x 13
      convolution 3     384 x 13 x 13
      convolution 3     256 x 13 x 13     pool 3/2
      flattened        9216               256 x 6 x 6
      linear, dropout  4096
      linear, dropout  4096
      linear             32               16 x 2 coordinates
"""

from __future__ import annotations

from minipose.checks import TOO_FAR, check_choice, check_integer, check_number, letters
from minipose.models.heads import HEADS
from minipose.models.network import PoseNetwork
from minipose.models.options import check_channels
from minipose.nn import BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential, init
from minipose.ops.checks import check_image
from minipose.tensor import Tensor

POOLS = 3


class AlexNetTrunk(Sequential):
    """The five convolutions of AlexNet, each with normalisation and ReLU, and a pool after the first two and the last.

    Parameters
    ----------
    in_channels : int
    width : int
        Channels of the first convolution, 96 in the paper; the others have 8/3, 4, 4 and 8/3 times as many.
    stem_stride : int
    padding : int
        Of the pools. 0: as published. 1: each makes exactly half of an even size.
    """

    def __init__(self, in_channels: int, width: int, stem_stride: int, padding: int) -> None:
        middle, widest = 8 * width // 3, 4 * width
        super().__init__(
            *_convolution(in_channels, width, 11, stem_stride),
            MaxPool2d(3, 2, padding),
            *_convolution(width, middle, 5),
            MaxPool2d(3, 2, padding),
            *_convolution(middle, widest, 3),
            *_convolution(widest, widest, 3),
            *_convolution(widest, middle, 3),
            MaxPool2d(3, 2, padding),
        )
        self.out_channels, self.stride = middle, stem_stride * 2**POOLS


def _convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> tuple[Module, ...]:
    return (
        Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False),
        BatchNorm2d(out_channels),
        ReLU(),
    )


class FullyConnectedHead(Sequential):
    """Features (N, channels, side, side) to coordinates (N, joints, 2), 0 to 1 in the image, by three linear layers.

    Parameters
    ----------
    channels, side : int
    hidden : int
        What the first two layers give.
    dropout : float
        After each of them.
    joints : int
    """

    def __init__(self, channels: int, side: int, hidden: int, dropout: float, joints: int) -> None:
        last = Linear(hidden, 2 * joints)
        init.normal_(last.weight, std=0.001)
        init.constant_(last.bias, 0.5)  # with small weights, the middle of the image
        super().__init__(
            Linear(channels * side**2, hidden), ReLU(), Dropout(dropout),
            Linear(hidden, hidden), ReLU(), Dropout(dropout),
            last,
        )  # fmt: skip
        self.joints = joints

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, joints, 2)."""
        return super().forward(input.flatten(1)).reshape(input.shape[0], self.joints, 2)


class DeepPose(PoseNetwork):
    """Images (N, in_channels, image_size, image_size) to coordinates (N, joints, 2), or to maps.

    The network of Toshev and Szegedy, "DeepPose: Human Pose Estimation via Deep Neural Networks", CVPR 2014, section
    3.1, is `DeepPose(width=96, hidden=4096, dropout=0.6, image_size=220, stem_stride=4, head="scalar")`: 3,747,200
    parameters in the convolutions and 54,665,248 in the linear layers. Batch normalisation after every convolution
    takes the place of the paper's local response normalisation after the first two: its shifts stand for the
    convolutions' biases, its 1,376 scales come in addition. The convolutions are not cut into AlexNet's groups, which
    two graphics cards had made necessary.

    Parameters
    ----------
    width : int
        Channels of the first convolution, 96 in the paper. Default 24.
    hidden : int
        Of a scalar head: what the two hidden linear layers give, 4096 in the paper. Default 512.
    dropout : float
        Of a scalar head alone: the probability that one of these numbers is set to zero in training, 0.6 in the paper.
        Default 0: figures that are drawn anew cannot be learnt by heart.
    image_size : int
        Side of the images, which a scalar head must know, as it flattens the features; 220 in the paper. Default 64.
    stem_stride : {1, 2, 4}
        Of the first convolution, 4 in the paper. Default 2, for 64 x 64 images.
    head : {"scalar", "heatmap", "integral"}
        "scalar": the paper's linear layers. The others take the convolutions alone, whose pools are then padded.
        Default "heatmap", as for every network.
    joints, in_channels : int
    output_stride : int
        Image pixels per cell of the maps: 8 stem_stride, or that divided by a power of 2. Default 2.
    upsampling : {"deconvolution", "bilinear"}
    head_width : int
        See `PoseNetwork`. Default 64.

    Raises
    ------
    ValueError, TypeError
        If an option is none of these, or an image does not fit.
    """

    def __init__(
        self,
        width: int = 24,
        hidden: int = 512,
        dropout: float = 0.0,
        image_size: int = 64,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
    ) -> None:
        name = type(self).__name__
        check_choice(name, "head", head, HEADS)
        check_channels(name, width=width, hidden=hidden, joints=joints, in_channels=in_channels)
        check_integer(name, "image_size", image_size, 1, TOO_FAR)
        check_number(name, "dropout", dropout, 0, 1)
        if dropout and head != "scalar":
            raise ValueError(f"{name}: dropout must be 0 where head is not 'scalar' but {head!r}, not {dropout}")
        check_choice(name, "stem_stride", stem_stride, (1, 2, 4))
        trunk = AlexNetTrunk(in_channels, width, stem_stride, padding=0 if head == "scalar" else 1)
        linear = None
        if head == "scalar":
            linear = FullyConnectedHead(
                trunk.out_channels, _side(name, image_size, stem_stride), hidden, dropout, joints
            )
            trunk.least_multiple = 1  # the size is known, and need be a multiple of nothing
        super().__init__(trunk, head, joints, output_stride, upsampling, head_width, scalar_head=linear)
        self.image_size = image_size

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, joints, 2), or (N, joints, H / output_stride, W / output_stride) of a head of maps."""
        name = type(self).__name__
        check_image(name, input)
        if self.output_stride is None and input.shape[2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"{name}: the images must be of image_size={self.image_size} x {self.image_size}, not "
                f"{letters(input.shape, 'N C H W')}"
            )
        return super().forward(input)


def _side(name: str, image_size: int, stem_stride: int) -> int:
    """Return the side of the features of an image where the pools are not padded."""
    least = 14 * stem_stride + 1  # of which the pools leave one cell
    if image_size < least:
        raise ValueError(
            f"{name}: image_size must be at least {least} with stem_stride={stem_stride}, not {image_size}"
        )
    side = (image_size - 1) // stem_stride + 1
    for _ in range(POOLS):
        side = (side - 3) // 2 + 1
    return side
