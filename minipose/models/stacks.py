"""What the stacked networks have in common: hourglasses in a row, an output after each (Newell et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from minipose.checks import check_choice, check_number, is_integer, letters
from minipose.models.heads import HEADS, ScalarHead
from minipose.nn import Conv2d, Dropout2d, Identity, Module, ModuleList, init
from minipose.ops.checks import check_image
from minipose.tensor import Tensor

SUPERVISIONS = ("all", "last")
MOST_STACKS = 64  # far beyond use; without a bound, a slip of the finger builds for ever


def check_range(name: str, argument: str, value: int, least: int, most: int) -> None:
    """Raise ValueError unless `value` is an integer from `least` to `most`."""
    if not is_integer(value) or not least <= value <= most:
        raise ValueError(f"{name}: {argument} must be an integer from {least} to {most}, not {value!r}")


def check_stacked_options(name: str, head: str, supervision: str) -> None:
    """Raise ValueError unless both are known."""
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
        What divides the sides of an image.
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
        name = type(self).__name__
        check_image(name, input)
        if any(n == 0 or n % self.multiple for n in input.shape[2:]):
            raise ValueError(
                f"{name}: the image's sides must be multiples of {self.rule} = {self.multiple}, "
                f"not {letters(input.shape, 'N C H W')}"
            )
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
