"""Simple Baselines (Xiao et al. 2018): a residual network and a few transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.models.network import PoseNetwork
from minipose.models.resnet import ResNetBackbone


class SimpleBaseline(PoseNetwork):
    """The backbone of `ResNet`, and transposed convolutions of kernel 4 that double the size.

    The published networks have width 64, stem_stride 4, output_stride 4, so three doublings, and head_width 256:
    15.38 M parameters with 18 layers and 16 joints, 34.00 M with 50, 52.99 M with 101 and 68.64 M with 152.

    Parameters
    ----------
    depth, blocks, block, width, stem_stride, in_channels : as for `ResNet`
    head, joints, output_stride : as for `PoseNetwork`
        By default maps at half the image's size.
    head_width : int
        Channels after each transposed convolution. Default 64.

    Raises
    ------
    ValueError, TypeError
        If an option is none of these, or an image's side is not a multiple of 8 * stem_stride.
    """

    def __init__(
        self,
        depth: int = 18,
        blocks: Sequence[int] | None = None,
        block: str | None = None,
        width: int = 16,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        head_width: int = 64,
    ) -> None:
        backbone = ResNetBackbone(type(self).__name__, depth, blocks, block, width, stem_stride, in_channels)
        super().__init__(backbone, head, joints, output_stride, "deconvolution", head_width)
