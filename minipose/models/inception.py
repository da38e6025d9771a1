"""Inception v1 (GoogLeNet): blocks of four branches side by side (Szegedy et al. 2015), and a head.

With width 16, a stem of stride 2 and 64 x 64 images:

    image                                    3 x 64 x 64
      convolution 7x7 /2                    16 x 32 x 32
      convolutions 1x1 and 3x3              16, then 48 x 32 x 32
      pool /2, blocks 3a, 3b                64, then 120 x 16 x 16
      pool /2, blocks 4a, 4b, 4c, 4d, 4e    128, 128, 128, 132, then 208 x 8 x 8
      pool /2, blocks 5a, 5b                208, then 256 x 4 x 4
      3 doublings, bilinear                 64 x 8 x 8, 32 x 16 x 16, 16 x 32 x 32
      1x1 convolution                       16 x 32 x 32 heatmaps
"""

from __future__ import annotations

from minipose.checks import check_choice
from minipose.models.network import PoseNetwork
from minipose.models.options import check_channels
from minipose.nn import BatchNorm2d, Conv2d, Identity, MaxPool2d, Module, ReLU, Sequential
from minipose.nn.fusion import run
from minipose.ops import cat
from minipose.tensor import Tensor

STEM = (64, 64, 192)  # table 1: channels of the convolutions
BLOCKS = {  # table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
LAST_BLOCKS = ("4e", "5b")


def scaled(channels: int, width: int) -> int:
    """Return the published `channels` in a network of `width` instead of 64: the nearest integer, at least 1."""
    return max(1, (channels * width + 32) // 64)


def halving_pool(kernel_size: int = 3) -> MaxPool2d:
    """Return a pool whose windows begin at every second pixel and may hang over the end: even sizes are halved."""
    return MaxPool2d(kernel_size, 2, ceil_mode=True)


class BasicConvolution(Module):
    """A convolution with normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False)
        self.bn = BatchNorm2d(out_channels, eps=0.001)  # that of the published weights
        self.relu = ReLU()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        return run((self.conv, self.bn, self.relu), input)


class InceptionBlock(Module):
    """A 1x1, a 3x3, a 5x5 convolution and a pool side by side, the last three with 1x1 convolutions (figure 2b).

    Parameters
    ----------
    in_channels : int
    channels : six ints
        1x1, before 3x3, 3x3, before 5x5, 5x5, after the pool.
    largest_kernel : {3, 5}
        Of the third branch.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], largest_kernel: int) -> None:
        super().__init__()
        one, before_three, three, before_five, five, pooled = channels
        self.branch1 = BasicConvolution(in_channels, one)
        self.branch2 = Sequential(BasicConvolution(in_channels, before_three), BasicConvolution(before_three, three, 3))
        self.branch3 = Sequential(
            BasicConvolution(in_channels, before_five), BasicConvolution(before_five, five, largest_kernel)
        )
        self.branch4 = Sequential(MaxPool2d(3, 1, padding=1), BasicConvolution(in_channels, pooled))
        self.out_channels = one + three + five + pooled

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H, W)."""
        return cat([branch(input) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)], dim=1)


class InceptionBackbone(Module):
    """Images to features of stride 4 * stem_stride (block 4e) or 8 * stem_stride; keys of torchvision's `googlenet`."""

    def __init__(self, width: int, last_block: str, largest_kernel: int, stem_stride: int, in_channels: int) -> None:
        super().__init__()
        first, second, third = (scaled(channels, width) for channels in STEM)
        self.conv1 = BasicConvolution(in_channels, first, 7, stride=min(stem_stride, 2))
        self.maxpool1 = halving_pool() if stem_stride == 4 else Identity()
        self.conv2 = BasicConvolution(first, second)
        self.conv3 = BasicConvolution(second, third, 3)
        self.maxpool2 = halving_pool()
        self.out_channels, self.stride = third, 2 * stem_stride
        for block in BLOCKS:
            if block == "4a":
                self.maxpool3 = halving_pool()
                self.stride *= 2
            elif block == "5a":
                self.maxpool4 = halving_pool(2)
                self.stride *= 2
            channels = tuple(scaled(n, width) for n in BLOCKS[block])
            layer = InceptionBlock(self.out_channels, channels, largest_kernel)
            setattr(self, f"inception{block}", layer)
            self.out_channels = layer.out_channels
            if block == last_block:
                break

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        return run(self.children(), input)  # in the order in which they were made


class Inception(PoseNetwork):
    """Images to maps or coordinates by Inception v1 (Szegedy et al. 2015); see `PoseNetwork` for what is returned.

    Every convolution is followed by batch normalisation (Ioffe & Szegedy 2015). The published network is
    `Inception(width=64, stem_stride=4)`: 5,980,832 parameters without its head and without the paper's classifiers at
    the sides, which only training needs; 3,491,008 up to block 4e. With `largest_kernel=3`, 5,599,904 parameters,
    `network.backbone` loads the weights of torchvision's `googlenet`, without those of its classifiers; they expect
    twice what `to_input` gives: see docs/reference/models. Its pools are those of that network: windows begin at every
    second pixel, and before block 5a they have 2 pixels (the paper: 3).

    Parameters
    ----------
    width : int
        Channels of the first convolution; all others keep the published proportion to it, and are at least 1.
        Published: 64. Default 16.
    last_block : {"5b", "4e"}
        Where the features are taken. Published: "5b". With "4e" they have half the stride.
    largest_kernel : {5, 3}
        Of the third branch of every block: 5 as published, or 3 as in torchvision.
    stem_stride : {4, 2, 1}
        Image pixels per cell after the first pool. Published: 4. Default 2, for images of 64 pixels: there is no first
        pool. With 1 the first convolution's stride is 1 too. The features have 8 times that, or 4 times with "4e".
    head, joints, output_stride, upsampling, head_width, pooling : as for `PoseNetwork`
        By default maps at half the image's size, of a bilinear chain of 64, 32 and 16 channels.
    in_channels : int

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range, or an image's side is no multiple of the features' stride.
    """

    def __init__(
        self,
        width: int = 16,
        last_block: str = "5b",
        largest_kernel: int = 5,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "bilinear",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        check_channels("Inception", width=width, in_channels=in_channels)
        check_choice("Inception", "last_block", last_block, LAST_BLOCKS)
        check_choice("Inception", "largest_kernel", largest_kernel, (3, 5))
        check_choice("Inception", "stem_stride", stem_stride, (1, 2, 4))
        backbone = InceptionBackbone(width, last_block, largest_kernel, stem_stride, in_channels)
        super().__init__(backbone, head, joints, output_stride, upsampling, head_width, pooling)
