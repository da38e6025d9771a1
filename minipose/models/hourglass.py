"""The hourglass of the report: a residual encoder, a transposed residual decoder, one heatmap for each joint.

With width 32, depth 3 and 64 x 64 images:

    image              3 x 64 x 64
      convolution     32 x 64 x 64
      residual /2     32 x 32 x 32 ---------- + --> 1x1 convolution --> 16 x 32 x 32 heatmaps
        residual /2     64 x 16 x 16 ------ + | transposed residual x2, 32 channels
          residual /2    128 x 8 x 8        | transposed residual x2, 64 channels
            residual       128 x 8 x 8 -----'

The lines across are the skips (Newell et al. 2016, section 3.1), which the report tried and left out.
"""

from __future__ import annotations

from minipose.checks import check_choice, check_flag, check_integer, is_integer
from minipose.models.options import MOST_HALVINGS
from minipose.models.stacks import StackedNetwork, check_stacked_options
from minipose.nn import (
    BatchNorm2d,
    Conv2d,
    MaxPool2d,
    Module,
    ModuleList,
    ReLU,
    ResidualBlock,
    Sequential,
    TransposedResidualBlock,
    Upsample,
)
from minipose.tensor import Tensor

DECODERS = ("transposed", "bilinear", "maxpool")


def halving(in_channels: int, out_channels: int, decoder: str, padding_mode: str) -> Module:
    """Return a residual block that halves the size, by its stride or by max pooling after it."""
    if decoder == "maxpool":
        return Sequential(ResidualBlock(in_channels, out_channels, padding_mode=padding_mode), MaxPool2d(2))
    return ResidualBlock(in_channels, out_channels, 2, padding_mode)


def doubling(in_channels: int, out_channels: int, decoder: str, kernel: int, padding_mode: str) -> Module:
    """Return a residual block that doubles the size, by a transposed convolution or by interpolation before it."""
    if decoder == "transposed":
        return TransposedResidualBlock(in_channels, out_channels, kernel, padding_mode)
    return Sequential(
        Upsample(scale_factor=2, mode="bilinear"), ResidualBlock(in_channels, out_channels, padding_mode=padding_mode)
    )


class HourglassModule(Module):
    """Go down `down` times by residual blocks, and up again `up` times.

    Parameters
    ----------
    width : int
        Channels of the input; they double at each step down, and halve at each step up.
    down, up : int
    skip : bool
        Whether to add to each result of the way up the features of the same size from the way down.
    decoder, kernel, padding_mode : as for `Hourglass`
    """

    def __init__(
        self, width: int, down: int, up: int, skip: bool, decoder: str, kernel: int, padding_mode: str
    ) -> None:
        super().__init__()
        channels = [width * 2**i for i in range(down + 1)]
        pairs = list(zip(channels[:-1], channels[1:], strict=True))
        self.skip = skip
        self.encoder = ModuleList(halving(small, large, decoder, padding_mode) for small, large in pairs)
        self.bottleneck = ResidualBlock(channels[-1], channels[-1], padding_mode=padding_mode)
        self.decoder = ModuleList(
            doubling(large, small, decoder, kernel, padding_mode) for small, large in pairs[::-1][:up]
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, width * s, H / s, W / s) with s = 2**(down - up); the input's shape where the two are equal."""
        features, passed = input, []
        for block in self.encoder:
            passed.append(features)
            features = block(features)
        features = self.bottleneck(features)
        for block in self.decoder:
            features = block(features)
            if self.skip:
                features = features + passed.pop()
        return features


class Hourglass(StackedNetwork):
    """Images (N, in_channels, H, W) to maps (N, joints, H / output_stride, W / output_stride) or coordinates.

    Parameters
    ----------
    width : int
        Channels at half the image size. Default 32.
    depth : int
        How often the size is halved, 2 to 8; the first time before the hourglass begins. Default 3.
    skip : bool
        Whether features of the way down are added on the way up. Default True.
    stacks : int
        Hourglasses one after the other. Each gets the features and the maps of the one before, added to what that one
        got (Newell et al. 2016, section 3.3); `forward_stacks` returns the maps of all, to be trained together.
    joints, in_channels : int
    head : {"heatmap", "integral", "scalar"}
        Maps, read by `HeatmapCodec` or `IntegralCodec`, or coordinates (N, joints, 2), read by `RegressionCodec`.
        Default "heatmap".
    decoder : {"transposed", "bilinear", "maxpool"}
        How it goes up. "transposed", the default: by `TransposedResidualBlock`. "bilinear": by interpolation to twice
        the size, then a residual block. "maxpool": so too, and on the way down, stem included, max pooling after
        residual blocks of stride 1 takes the place of stride 2 (the report's "no stride and max pooling").
    kernel : int
        Of the transposed convolutions, from 1 to 4, as in `TransposedResidualBlock`. Default 4.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        Of the convolutions; see `minipose.nn.Conv2d`. Default "zeros", which transposed convolutions always have.
    supervision : {"all", "last"}
        "all", the default: `forward_stacks` returns the outputs of all stacks. "last": only that of the last one.
    dropout : float
        The probability that a head does not see a channel in training. Default 0.
    output_stride : int
        Image pixels per heatmap pixel: 2, the default, or 4, 8, ..., 2**depth, for which the decoder stops earlier. Of
        several stacks 2. With a scalar head, of the features that it sees.

    Attributes
    ----------
    head_kind : str
        The argument `head`.
    output_stride : int or None
        None where the head is scalar.

    Raises
    ------
    TypeError, ValueError
        If an option is none of these, or an image's side is not a multiple of 2**depth.
    """

    def __init__(
        self,
        width: int = 32,
        depth: int = 3,
        skip: bool = True,
        stacks: int = 1,
        joints: int = 16,
        in_channels: int = 3,
        head: str = "heatmap",
        decoder: str = "transposed",
        kernel: int = 4,
        padding_mode: str = "zeros",
        supervision: str = "all",
        dropout: float = 0.0,
        output_stride: int = 2,
    ) -> None:
        check_stacked_options("Hourglass", width, stacks, joints, in_channels, head, supervision)
        check_integer("Hourglass", "depth", depth, 2, MOST_HALVINGS)
        check_integer("Hourglass", "kernel", kernel, 1, 4)
        check_flag("Hourglass", "skip", skip)
        check_choice("Hourglass", "decoder", decoder, DECODERS)
        check_choice("Hourglass", "padding_mode", padding_mode, Conv2d.padding_modes)
        if decoder != "transposed" and kernel != 4:
            raise ValueError(f"Hourglass: kernel={kernel} is for decoder='transposed' only, not {decoder!r}")
        coarser = _coarser(output_stride, depth, stacks)
        stem = Sequential(
            Conv2d(in_channels, width, 3, padding=1, bias=False, padding_mode=padding_mode),
            BatchNorm2d(width),
            ReLU(),
            halving(width, width, decoder, padding_mode),
        )
        down = depth - 1
        super().__init__(
            stem,
            [HourglassModule(width, down, down - coarser, skip, decoder, kernel, padding_mode) for _ in range(stacks)],
            channels=width * 2**coarser,
            stride=output_stride,
            joints=joints,
            head=head,
            supervision=supervision,
            dropout=dropout,
            multiple=2**depth,
            rule="2**depth",
        )


def _coarser(output_stride: int, depth: int, stacks: int) -> int:
    """Return how many steps up an hourglass leaves out, none for an output stride of 2."""
    fitting = [2**step for step in range(1, depth + 1)] if stacks == 1 else [2]
    if not is_integer(output_stride) or output_stride not in fitting:
        raise ValueError(
            f"Hourglass: output_stride must be {' or '.join(map(str, fitting))} for depth={depth}, stacks={stacks}, "
            f"not {output_stride!r}"
        )
    return fitting.index(output_stride)
