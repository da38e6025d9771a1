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

from minipose.checks import TOO_FAR, check_flag, is_integer, letters
from minipose.nn import (
    BatchNorm2d,
    Conv2d,
    Module,
    ModuleList,
    ReLU,
    ResidualBlock,
    Sequential,
    TransposedResidualBlock,
    init,
)
from minipose.ops.checks import check_image
from minipose.tensor import Tensor

MOST = {"depth": 16, "stacks": 64}  # far beyond use; without a bound, a slip of the finger builds for ever


class HourglassModule(Module):
    """Go down `steps` times by residual blocks of stride 2, and up again by transposed residual blocks.

    Parameters
    ----------
    width : int
        Channels of the input and of the result; they double at each step down.
    steps : int
    skip : bool
        Whether to add to each result of the way up the features of the same size from the way down.
    """

    def __init__(self, width: int, steps: int, skip: bool) -> None:
        super().__init__()
        channels = [width * 2**i for i in range(steps + 1)]
        pairs = list(zip(channels[:-1], channels[1:], strict=True))
        self.skip = skip
        self.encoder = ModuleList(ResidualBlock(small, large, stride=2) for small, large in pairs)
        self.bottleneck = ResidualBlock(channels[-1], channels[-1])
        self.decoder = ModuleList(TransposedResidualBlock(large, small) for small, large in reversed(pairs))

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, width, H, W), the input's shape."""
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


class Hourglass(Module):
    """Images (N, in_channels, H, W) to heatmaps (N, joints, H / 2, W / 2); linear, the peak of a map is its joint.

    Parameters
    ----------
    width : int
        Channels at half the image size. Default 32.
    depth : int
        How often the size is halved, at least 2; the first time before the hourglass begins. Default 3.
    skip : bool
        Whether features of the way down are added on the way up. Default True.
    stacks : int
        Hourglasses one after the other. Each gets the features and the maps of the one before, added to what that one
        got (Newell et al. 2016, section 3.2); `forward_stacks` returns the maps of all, to be trained together.
    joints, in_channels : int

    Attributes
    ----------
    output_stride : int
        Image pixels per heatmap pixel, 2.

    Raises
    ------
    ValueError
        If a number is too small, or an image's side is not a multiple of 2**depth.
    """

    output_stride = 2

    def __init__(
        self,
        width: int = 32,
        depth: int = 3,
        skip: bool = True,
        stacks: int = 1,
        joints: int = 16,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        numbers = {"width": width, "depth": depth, "stacks": stacks, "joints": joints, "in_channels": in_channels}
        for name, value in numbers.items():
            least, most = (2 if name == "depth" else 1), MOST.get(name, TOO_FAR)
            if not is_integer(value) or not least <= value <= most:
                raise ValueError(f"Hourglass: {name} must be an integer from {least} to {most}, not {value!r}")
        check_flag("Hourglass", "skip", skip)
        self.depth = depth
        self.stem = Sequential(
            Conv2d(in_channels, width, 3, padding=1, bias=False),
            BatchNorm2d(width),
            ReLU(),
            ResidualBlock(width, width, stride=2),
        )
        self.hourglasses = ModuleList(HourglassModule(width, depth - 1, skip) for _ in range(stacks))
        self.heads = ModuleList(Conv2d(width, joints, 1) for _ in range(stacks))
        self.from_features = ModuleList(Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.from_maps = ModuleList(Conv2d(joints, width, 1) for _ in range(stacks - 1))
        for head in self.heads:
            init.normal_(head.weight, std=0.001)  # maps begin near zero, where most of every target is

    def forward_stacks(self, input: Tensor) -> list[Tensor]:
        """Return the heatmaps (N, joints, H / 2, W / 2) of every stack."""
        check_image("Hourglass", input)
        step = 2**self.depth
        if any(n == 0 or n % step for n in input.shape[2:]):
            raise ValueError(
                f"Hourglass: the image's sides must be multiples of 2**depth = {step}, "
                f"not {letters(input.shape, 'N C H W')}"
            )
        features, maps = self.stem(input), []
        for i, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            result = hourglass(features)
            maps.append(head(result))
            if i + 1 < len(self.heads):
                features = features + self.from_features[i](result) + self.from_maps[i](maps[-1])
        return maps

    def forward(self, input: Tensor) -> Tensor:
        """Return the heatmaps (N, joints, H / 2, W / 2) of the last stack."""
        return self.forward_stacks(input)[-1]
