"""Residual networks (He et al. 2016), up to their last features, with the report's chain of bilinear doublings.

With width 16, depth 18, a stem of stride 2 and 64 x 64 images:

    image                            3 x 64 x 64
      convolution 7x7 /2            16 x 32 x 32
      layer1: 2 blocks              16 x 32 x 32
      layer2: 2 blocks, /2          32 x 16 x 16
      layer3: 2 blocks, /2          64 x 8 x 8
      layer4: 2 blocks, /2         128 x 4 x 4
      bilinear x2, convolution      64 x 8 x 8
      bilinear x2, convolution      32 x 16 x 16
      bilinear x2, convolution      16 x 32 x 32
      1x1 convolution               16 x 32 x 32 heatmaps
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minipose.checks import check_choice, check_number, is_integer
from minipose.models.network import PoseNetwork
from minipose.models.options import MOST_BLOCKS, check_channels
from minipose.models.residual import (
    BasicBlock,
    Bottleneck,
    PlainBlock,
    PreactivationBlock,
    PreactivationBottleneck,
    convolution,
)
from minipose.nn import BatchNorm2d, Conv2d, Dropout2d, Identity, MaxPool2d, Module, ReLU, Sequential
from minipose.nn.fusion import run
from minipose.tensor import Tensor

PUBLISHED = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
BOTTLENECK_FROM = 50  # layers
BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck, "preactivation": PreactivationBlock, "plain": PlainBlock}


class ResNetBackbone(Module):
    """Images (N, in_channels, H, W) to features (N, out_channels, H / stride, W / stride).

    Parameters
    ----------
    name : str
        Of the network that it is part of, for its errors.
    depth, blocks, block, width, stem_stride, in_channels, dropout, padding_mode : as for `ResNet`
    **options : of every block

    Attributes
    ----------
    out_channels : int
        8 * width, or 32 * width of bottlenecks.
    stride : int
        8 * stem_stride.
    """

    def __init__(
        self,
        name: str,
        depth: int,
        blocks: Sequence[int] | None,
        block: str | None,
        width: int,
        stem_stride: int,
        in_channels: int,
        dropout: float = 0.0,
        padding_mode: str = "zeros",
        **options: Any,
    ) -> None:
        super().__init__()
        kind, counts = choose_blocks(name, depth, blocks, block)
        check_channels(name, width=width, in_channels=in_channels)
        check_choice(name, "stem_stride", stem_stride, (1, 2, 4))
        check_number(name, "dropout", dropout, 0, 1)
        check_choice(name, "padding_mode", padding_mode, Conv2d.padding_modes)
        self.stride = 8 * stem_stride
        kernel, stride = (3, 1) if stem_stride == 1 else (7, 2)
        self.conv1 = convolution(in_channels, width, kernel, stride, padding_mode)
        self.bn1 = BatchNorm2d(width)
        self.relu = ReLU()
        self.maxpool = MaxPool2d(3, 2, padding=1) if stem_stride == 4 else Identity()
        preactivation = issubclass(kind, PreactivationBlock)
        channels = width
        for stage, count in enumerate(counts):
            layers = []
            for i in range(count):
                if preactivation:
                    options["activated"] = stage == i == 0
                stride = 2 if stage > 0 and i == 0 else 1
                layers.append(kind(channels, width * 2**stage, stride, padding_mode, **options))
                channels = kind.expansion * width * 2**stage
            setattr(self, f"layer{stage + 1}", Sequential(*layers))
        self.out_channels = channels
        self.last = Sequential(BatchNorm2d(channels), ReLU()) if preactivation else Identity()
        self.dropout = Dropout2d(dropout) if dropout > 0 else Identity()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        stem = [self.conv1, self.bn1, self.relu, self.maxpool]
        return run([*stem, self.layer1, self.layer2, self.layer3, self.layer4, self.last, self.dropout], input)


def choose_blocks(
    name: str, depth: int, blocks: Sequence[int] | None, block: str | None
) -> tuple[type[Module], Sequence[int]]:
    """Return the class of the blocks and how many there are in each stage.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    check_choice(name, "depth", depth, tuple(PUBLISHED))
    if blocks is not None:
        fits = isinstance(blocks, (tuple, list)) and len(blocks) == 4 and all(map(is_integer, blocks))
        if not fits or min(blocks) < 1 or max(blocks) > MOST_BLOCKS:
            raise ValueError(
                f"{name}: blocks must be four integers from 1 to {MOST_BLOCKS}, as (2, 2, 2, 2), not {blocks!r}"
            )
    deep = blocks is None and depth >= BOTTLENECK_FROM
    usual = "bottleneck" if deep else "basic"
    block = usual if block is None else block
    check_choice(name, "block", block, tuple(BLOCKS))
    if blocks is None and (block == "bottleneck") != deep and block != "preactivation":
        raise ValueError(
            f"{name}: block must be {usual!r} or 'preactivation' for depth {depth}, not {block!r}; give blocks=(...) "
            "for a net of another depth"
        )
    kind = PreactivationBottleneck if deep and block == "preactivation" else BLOCKS[block]
    return kind, PUBLISHED[depth] if blocks is None else blocks


class ResNet(PoseNetwork):
    """A residual network and its head.

    The published trunks have width 64 and stem_stride 4: 11.18 M parameters with 18 layers, 21.28 M with 34, 23.51 M
    with 50, 42.50 M with 101 and 58.14 M with 152. `network.backbone` takes torchvision's weights for them:
    `load_state_dict(weights, strict=False)`, which leaves out the classifier "fc"; they expect ImageNet's mean and
    standard deviation, not the scale of `to_input`: see docs/reference/models. The report's network, 18 layers and five
    doublings to the size of the image, has output_stride 1 and head_width 256 too: 12.7 M parameters.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Layers with weights, as published. Default 18.
    blocks : four int, optional
        Blocks of each stage; `depth` is then without effect. (1, 1, 1, 1) makes a net of 10 layers of basic blocks.
    block : {"basic", "bottleneck", "preactivation", "plain"}, optional
        See `minipose.models.residual`. "plain" has no shortcuts; "preactivation" has the same convolutions as the
        published block, or with `blocks` those of the basic one. Default: "basic", or "bottleneck" from depth 50
        without `blocks`.
    width : int
        Channels of the first stage; each of the next three has twice as many. A bottleneck's result has four times
        that. Default 16.
    stem_stride : {4, 2, 1}
        How the network begins: a convolution 7x7 of stride 2 and max-pooling, the convolution alone, or a convolution
        3x3 of stride 1. Default 2.
    dropout : float
        Probability of each channel of the features to be set to zero in training (Tompson et al. 2015). Default 0.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        Of the backbone's convolutions. "reflect" needs images of more than one cell at the backbone's stride.
    head, joints, output_stride, upsampling, head_width, pooling : as for `PoseNetwork`
        By default maps at half the image's size, of a bilinear chain of 64, 32 and 16 channels.
    in_channels : int

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
        dropout: float = 0.0,
        padding_mode: str = "zeros",
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "bilinear",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        backbone = ResNetBackbone(
            type(self).__name__, depth, blocks, block, width, stem_stride, in_channels, dropout, padding_mode
        )
        super().__init__(backbone, head, joints, output_stride, upsampling, head_width, pooling)
