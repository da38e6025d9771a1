"""The high-resolution network of Wang et al. (2020, "Deep High-Resolution Representation Learning").

With the default options, so W = 16, and 64 x 64 images:

    image      3 x 64 x 64
      stem       16 x 32 x 32     two convolutions of kernel 3
      layer1     64 x 32 x 32     bottlenecks
      stage2     W x 32 x 32 | 2W x 16 x 16
      stage3     W x 32 x 32 | 2W x 16 x 16 | 4W x 8 x 8
      stage4     W x 32 x 32 | 2W x 16 x 16 | 4W x 8 x 8 | 8W x 4 x 4
      1x1        16 x 32 x 32     maps, of the first branch

A stage is a row of modules. In each, every branch goes through its own basic blocks, and gets the sum of all branches,
brought to its size. Names in `network.backbone.state_dict()`, and there alone, are those of the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import check_choice, check_integer
from minipose.models.network import PoseNetwork
from minipose.models.options import MOST_BLOCKS, check_channels
from minipose.models.residual import BasicBlock, Bottleneck, convolution
from minipose.nn import BatchNorm2d, Identity, Module, ModuleList, ReLU, Sequential, Upsample
from minipose.nn.fusion import run
from minipose.tensor import Tensor

STEM_STRIDES = {1: (1, 1), 2: (2, 1), 4: (2, 2)}  # of the stem's two convolutions
STAGES = 3  # that have branches: stage 2 to stage 4


def _conv_relu(in_channels: int, out_channels: int, stride: int = 1) -> Sequential:
    return Sequential(convolution(in_channels, out_channels, 3, stride), BatchNorm2d(out_channels), ReLU())


def _fuse_layer(channels: Sequence[int], source: int, target: int) -> Module:
    """Return what brings branch `source` to the size and the channels of branch `target`."""
    if source == target:
        return Identity()
    of_source, of_target = channels[source], channels[target]
    if source > target:
        upsample = Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return Sequential(convolution(of_source, of_target, 1), BatchNorm2d(of_target), upsample)
    halvings = [_conv_relu(of_source, of_source, 2) for _ in range(target - source - 1)]
    return Sequential(*halvings, Sequential(convolution(of_source, of_target, 3, 2), BatchNorm2d(of_target)))


class HighResolutionModule(Module):
    """Every branch through its own basic blocks, then, of each size, the sum of all branches.

    Parameters
    ----------
    channels : sequence of int
        Of each branch, from the largest size to the smallest.
    blocks : int
        Of each branch.
    outputs : int
        How many branches come out, the largest first.
    """

    def __init__(self, channels: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = ModuleList(Sequential(*(BasicBlock(C, C) for _ in range(blocks))) for C in channels)
        self.fuse_layers = ModuleList(
            ModuleList(_fuse_layer(channels, source, target) for source in range(len(channels)))
            for target in range(outputs)
        )
        self.relu = ReLU()

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the first `outputs` branches of `inputs`, each of the shape that it came in with."""
        features = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        results = []
        for layers in self.fuse_layers:
            first, *others = [layer(x) for layer, x in zip(layers, features, strict=True)]
            for other in others:
                first = first + other
            results.append(self.relu(first))
        return results


def _transition(before: Sequence[int], after: Sequence[int]) -> ModuleList:
    """Return a layer for each of the branches `after`; the new one, with half the size, is made of the last before."""
    layers: list[Module] = []
    for i, channels in enumerate(after):
        if i >= len(before):
            layers.append(Sequential(_conv_relu(before[-1], channels, 2)))
        else:
            layers.append(Identity() if before[i] == channels else _conv_relu(before[i], channels))
    return ModuleList(layers)


class HRNetBackbone(Module):
    """Images (N, in_channels, H, W) to features (N, width, H / stride, W / stride); see `HRNet`.

    Attributes
    ----------
    out_channels, stride : int
        `width`, and the stem's stride.
    least_multiple : int
        The images' sides must be multiples of it: what the smallest branch needs.
    """

    def __init__(
        self,
        width: int,
        modules: Sequence[int],
        blocks: int,
        bottlenecks: int,
        stem_width: int,
        stem_stride: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.out_channels, self.stride, self.least_multiple = width, stem_stride, stem_stride * 2 ** len(modules)
        first, second = STEM_STRIDES[stem_stride]
        self.conv1, self.bn1 = convolution(in_channels, stem_width, 3, first), BatchNorm2d(stem_width)
        self.conv2, self.bn2 = convolution(stem_width, stem_width, 3, second), BatchNorm2d(stem_width)
        self.relu = ReLU()
        wide = Bottleneck.expansion * stem_width
        self.layer1 = Sequential(*(Bottleneck(wide if i else stem_width, stem_width) for i in range(bottlenecks)))
        self.stages = len(modules)
        before = [wide]
        for i, count in enumerate(modules):
            channels = [width * 2**branch for branch in range(i + 2)]
            setattr(self, f"transition{i + 1}", _transition(before, channels))
            # The network's last module makes what is used of it alone: the largest branch.
            ends = [len(channels)] * (count - 1) + [1 if i + 1 == len(modules) else len(channels)]
            setattr(self, f"stage{i + 2}", Sequential(*(HighResolutionModule(channels, blocks, end) for end in ends)))
            before = channels

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, width, H / stride, W / stride)."""
        stem = (self.conv1, self.bn1, self.relu, self.conv2, self.bn2, self.relu)
        branches = [self.layer1(run(stem, input))]
        for i in range(1, self.stages + 1):
            transition = getattr(self, f"transition{i}")
            made_of = [*branches, branches[-1]]
            stage = getattr(self, f"stage{i + 1}")
            branches = stage([layer(x) for layer, x in zip(transition, made_of, strict=True)])
        return branches[0]


class HRNet(PoseNetwork):
    """Images (N, in_channels, H, W) to maps (N, joints, H / output_stride, W / output_stride) or coordinates.

    The default is an HRNet small, for images of 64 x 64. The published network, HRNet-W32, is `HRNet(width=32,
    modules=(1, 4, 3), blocks=4, bottlenecks=4, stem_width=64, stem_stride=4, output_stride=4)`: 28.54 M parameters;
    HRNet-W48, with width 48, has 63.59 M.

    Parameters
    ----------
    width : int
        Channels of the branch of the largest size; each further branch has half the size and twice the channels.
        Default 16.
    modules : sequence of 1 to 3 int
        Of the stages of two, three and four branches. Default (1, 1, 1); with fewer numbers the last stages are left
        out.
    blocks : int
        Basic blocks of each branch of a module. Default 1; published 4.
    bottlenecks : int
        Of the first stage. Default 2; published 4.
    stem_width : int
        Channels of the stem, and inside the bottlenecks, which make four times as many. Default 16; published 64,
        whatever the width is.
    stem_stride : {1, 2, 4}
        Image pixels per cell of the first branch: how many of the stem's two convolutions have stride 2. Published 4,
        both; 2, the default, the first; 1, none.
    head : {"heatmap", "integral", "scalar"}
    joints, in_channels : int
    output_stride : int
        stem_stride, or that divided by a power of 2: the head goes up. Default 2. A scalar head has none.
    upsampling : {"deconvolution", "bilinear"}
    head_width : int
        How the head goes up; without effect where output_stride is stem_stride. Defaults "deconvolution" and 64.
    pooling : {"points", "mean"}
        Of a scalar head, as for `PoseNetwork`.

    Raises
    ------
    TypeError, ValueError
        If an option is none of these, or an image's side is not a multiple of stem_stride * 2**len(modules).
    """

    def __init__(
        self,
        width: int = 16,
        modules: Sequence[int] = (1, 1, 1),
        blocks: int = 1,
        bottlenecks: int = 2,
        stem_width: int = 16,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        check_channels("HRNet", width=width, stem_width=stem_width, in_channels=in_channels)
        check_integer("HRNet", "blocks", blocks, 1, MOST_BLOCKS)
        check_integer("HRNet", "bottlenecks", bottlenecks, 1, MOST_BLOCKS)
        if not isinstance(modules, (tuple, list)) or not 1 <= len(modules) <= STAGES:
            raise ValueError(f"HRNet: modules must be 1 to {STAGES} integers, one for each stage, not {modules!r}")
        for count in modules:
            check_integer("HRNet", "each of modules", count, 1, MOST_BLOCKS)
        check_choice("HRNet", "stem_stride", stem_stride, tuple(STEM_STRIDES))
        backbone = HRNetBackbone(width, modules, blocks, bottlenecks, stem_width, stem_stride, in_channels)
        super().__init__(backbone, head, joints, output_stride, upsampling, head_width, pooling)
