"""SE-ResNet (Hu et al. 2018): a residual network whose blocks weigh their channels by what is in the whole image."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import check_integer
from minipose.models.network import PoseNetwork
from minipose.models.options import MOST_CHANNELS
from minipose.models.resnet import ResNetBackbone


class SEResNet(PoseNetwork):
    """The backbone of `ResNet` with squeeze and excitation at the end of each block's branch, and its head.

    The published trunks have width 64, reduction 16 and stem_stride 4: 11.27 M parameters with 18 layers, 26.04 M with
    50.

    Parameters
    ----------
    depth, blocks, width, stem_stride, in_channels : as for `ResNet`
        The blocks are basic, or bottlenecks from depth 50 without `blocks`.
    reduction : int
        How many times fewer channels a block's excitation goes through, though at least 1. Default 4: of 16 channels
        it leaves the 4 that the published 16 leaves of 64.
    head, joints, output_stride, upsampling, head_width, pooling : as for `PoseNetwork`
        By default maps at half the image's size, of transposed convolutions with 64 channels.

    Raises
    ------
    ValueError, TypeError
        If an option is none of these, or an image's side is not a multiple of 8 * stem_stride.
    """

    def __init__(
        self,
        depth: int = 18,
        blocks: Sequence[int] | None = None,
        width: int = 16,
        reduction: int = 4,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        name = type(self).__name__
        check_integer(name, "reduction", reduction, 1, MOST_CHANNELS)
        backbone = ResNetBackbone(name, depth, blocks, None, width, stem_stride, in_channels, reduction=reduction)
        super().__init__(backbone, head, joints, output_stride, upsampling, head_width, pooling)
