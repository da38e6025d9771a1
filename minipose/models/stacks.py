"""What the stacked networks have in common: hourglasses in a row, an output after each (Newell et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import check_choice, check_integer, check_number
from minipose.models.heads import HEADS, ScalarHead
from minipose.models.options import MOST_BLOCKS, check_channels, check_sides
from minipose.nn import Conv2d, Dropout2d, Identity, Module, ModuleList, init
from minipose.tensor import Tensor

SUPERVISIONS = ("all", "last")


def check_stacked_options(
    name: str, width: int, stacks: int, joints: int, in_channels: int, head: str, supervision: str
) -> None:
    """Raise TypeError or ValueError unless every one of these options is known, or a number in its range."""
    check_channels(name, width=width, joints=joints, in_channels=in_channels)
    check_integer(name, "stacks", stacks, 1, MOST_BLOCKS)
    check_choice(name, "head", head, HEADS)
    check_choice(name, "supervision", supervision, SUPERVISIONS)


class StackedNetwork(Module):
    """A stem, then hourglasses; each gets the features and the maps of the one before, added to what that one got.

    Coordinates are no images, so with a scalar head only the features are handed on.

    Parameters
    ----------
    stem : Module
        Makes features (N, width, H / s, W / s) of images.
    hourglasses : sequence of Module
        Each makes features (N, channels, H / stride, W / stride). Where there are several, width and stride are the
        stem's.
    channels, stride : int
        Of the features that the heads see; the stride in image pixels.
    joints : int
    head : {"heatmap", "integral", "scalar"}
        "heatmap" and "integral": one linear map for each joint, read by `HeatmapCodec` or `IntegralCodec`. "scalar":
        coordinates (N, joints, 2), read by `RegressionCodec`.
    supervision : {"all", "last"}
        Whether `forward_stacks` returns the outputs of all stacks or that of the last one alone.
    dropout : float
        The probability that a head does not see a channel in training.
    multiple : int
        The images' sides must be multiples of it.
    rule : str
        `multiple` in the words of the options, for the error.

    Attributes
    ----------
    head_kind : str
        The argument `head`.
    output_stride : int or None
        Image pixels per cell of the maps; None where the head is scalar.
    """

    def __init__(
        self,
        stem: Module,
        hourglasses: Sequence[Module],
        *,
        channels: int,
        stride: int,
        joints: int,
        head: str,
        supervision: str,
        dropout: float,
        multiple: int,
        rule: str,
    ) -> None:
        super().__init__()
        check_number(type(self).__name__, "dropout", dropout, 0, 1)
        scalar, more = head == "scalar", len(hourglasses) - 1
        self.head_kind, self.supervision = head, supervision
        self.output_stride = None if scalar else stride
        self.multiple, self.rule = multiple, rule
        self.stem = stem
        self.hourglasses = ModuleList(hourglasses)
        if not scalar:
            heads = [Conv2d(channels, joints, 1) for _ in hourglasses]
        elif supervision == "all":
            heads = [ScalarHead(channels, joints, stride) for _ in hourglasses]
        else:  # nothing would ever teach the others
            heads = [Identity() for _ in range(more)] + [ScalarHead(channels, joints, stride)]
        self.heads = ModuleList(heads)
        self.from_features = ModuleList(Conv2d(channels, channels, 1) for _ in range(more))
        self.from_maps = ModuleList(Conv2d(joints, channels, 1) for _ in range(0 if scalar else more))
        self.dropout = Dropout2d(dropout)
        if not scalar:
            for layer in self.heads:
                init.normal_(layer.weight, std=0.001)  # maps begin near zero, where most of every target is

    def forward_stacks(self, input: Tensor) -> list[Tensor]:
        """Return the outputs, maps or coordinates, of every stack that is supervised."""
        check_sides(type(self).__name__, input, self.multiple, self.rule)
        features, outputs = self.stem(input), []
        for i, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            result = hourglass(features)
            outputs.append(head(self.dropout(result)))
            if i + 1 < len(self.heads):
                features = features + self.from_features[i](result)
                if self.from_maps:
                    features = features + self.from_maps[i](outputs[-1])
        return outputs if self.supervision == "all" else outputs[-1:]

    def forward(self, input: Tensor) -> Tensor:
        """Return the output of the last stack."""
        return self.forward_stacks(input)[-1]
