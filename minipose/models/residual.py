"""The blocks of residual networks, with torchvision's names in `state_dict`.

All take (in_channels, channels, stride, padding_mode), divide the size by the stride in their first convolution of
kernel 3, and give `expansion * channels` channels.
"""

from __future__ import annotations

from minipose.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Identity, Module, ReLU, Sequential, Sigmoid, init
from minipose.nn.fusion import add_relu, run
from minipose.tensor import Tensor


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding_mode: str = "zeros"
) -> Conv2d:
    """Return a convolution without bias whose result has 1 / stride of the size; He normal by what goes out."""
    layer = Conv2d(
        in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False, padding_mode=padding_mode
    )
    init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def projection(in_channels: int, out_channels: int, stride: int) -> Module:
    """Return what brings a block's input to the shape of its result (He et al. 2016, section 3.3, option B)."""
    if stride == 1 and in_channels == out_channels:
        return Identity()
    return Sequential(convolution(in_channels, out_channels, 1, stride), BatchNorm2d(out_channels))


class SqueezeExcitation(Module):
    """Multiply each channel by a number from 0 to 1 that is made of the means of all channels (Hu et al. 2018).

    Parameters
    ----------
    channels : int
    reduction : int
        The numbers are made through a layer of channels / reduction, at least 1.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc1 = Conv2d(channels, narrow, 1)
        self.relu = ReLU()
        self.fc2 = Conv2d(narrow, channels, 1)
        self.sigmoid = Sigmoid()

    def forward(self, input: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return input * self.sigmoid(self.fc2(self.relu(self.fc1(self.avgpool(input)))))


class ShortcutBlock(Module):
    """relu(F(x) + shortcut(x)); what blocks with a shortcut have in common, whatever the layers of F."""

    expansion: int

    def _add_shortcut(self, in_channels: int, out_channels: int, stride: int, reduction: int | None) -> None:
        """Add what stands after the layers of F: squeeze and excitation, if there is to be one, and the shortcut."""
        self.excites = reduction is not None
        if reduction is not None:
            self.se = SqueezeExcitation(out_channels, reduction)
        self.downsample = projection(in_channels, out_channels, stride)

    def _layers(self) -> list[Module]:
        raise NotImplementedError(f"{type(self).__name__} must define _layers")

    def branch(self) -> list[Module]:
        """Return the layers of F."""
        return [*self._layers(), self.se] if self.excites else self._layers()

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, expansion * channels, H / stride, W / stride)."""
        return add_relu(self.branch(), input, self.downsample(input), self.relu)


class BasicBlock(ShortcutBlock):
    """relu(F(x) + shortcut(x)), F being two 3x3 convolutions (He et al. 2016, figure 5 left).

    Parameters
    ----------
    in_channels, channels, stride : int
    padding_mode : str
        Of the 3x3 convolutions, as for `Conv2d`.
    reduction : int, optional
        That of the `SqueezeExcitation` at the end of F, if there is to be one.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        padding_mode: str = "zeros",
        reduction: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, channels, 3, stride, padding_mode)
        self.bn1 = BatchNorm2d(channels)
        self.relu = ReLU()
        self.conv2 = convolution(channels, channels, 3, 1, padding_mode)
        self.bn2 = BatchNorm2d(channels)
        self._add_shortcut(in_channels, channels, stride, reduction)

    def _layers(self) -> list[Module]:
        return [self.conv1, self.bn1, self.relu, self.conv2, self.bn2]


class PlainBlock(BasicBlock):
    """The basic block without its shortcut: relu(F(x)), as in the plain nets of He et al. 2016, figure 3."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1, padding_mode: str = "zeros") -> None:
        super().__init__(in_channels, channels, stride, padding_mode)
        del self.downsample

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, channels, H / stride, W / stride)."""
        return run([*self.branch(), self.relu], input)


class Bottleneck(ShortcutBlock):
    """relu(F(x) + shortcut(x)), F being convolutions 1x1, 3x3 and 1x1 (He et al. 2016, figure 5 right).

    The stride is that of the 3x3 convolution, as in torchvision; in the paper it is that of the first 1x1.

    Parameters
    ----------
    in_channels, channels, stride : int
        `channels` are those of the 3x3 convolution; the result has four times as many.
    padding_mode, reduction : as for `BasicBlock`
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        padding_mode: str = "zeros",
        reduction: int | None = None,
    ) -> None:
        super().__init__()
        out_channels = self.expansion * channels
        self.conv1 = convolution(in_channels, channels, 1)
        self.bn1 = BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, stride, padding_mode)
        self.bn2 = BatchNorm2d(channels)
        self.conv3 = convolution(channels, out_channels, 1)
        self.bn3 = BatchNorm2d(out_channels)
        self.relu = ReLU()
        self._add_shortcut(in_channels, out_channels, stride, reduction)

    def _layers(self) -> list[Module]:
        return [self.conv1, self.bn1, self.relu, self.conv2, self.bn2, self.relu, self.conv3, self.bn3]


class PreactivationBlock(Module):
    """shortcut(x) + F(x), normalisation and ReLU standing before each convolution of F (He et al. 2016b, figure 4 e).

    Nothing is done to the sum, so that an identity leads from every block to every other. Where the shape changes, the
    shortcut is a 1x1 convolution of relu(bn1(x)).

    Parameters
    ----------
    in_channels, channels, stride : int
    padding_mode : as for `BasicBlock`
    activated : bool
        Whether the input has gone through normalisation and ReLU already, as that of the first block in a network;
        then there is no bn1.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        padding_mode: str = "zeros",
        activated: bool = False,
    ) -> None:
        super().__init__()
        out_channels = self.expansion * channels
        self.activated, self.projects = activated, stride != 1 or in_channels != out_channels
        if not activated:
            self.bn1 = BatchNorm2d(in_channels)
        self.relu = ReLU()
        self._add_layers(in_channels, channels, stride, padding_mode)
        if self.projects:
            self.downsample = convolution(in_channels, out_channels, 1, stride)

    def _add_layers(self, in_channels: int, channels: int, stride: int, padding_mode: str) -> None:
        self.conv1 = convolution(in_channels, channels, 3, stride, padding_mode)
        self.bn2 = BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, 1, padding_mode)

    def branch(self) -> list[Module]:
        """Return the layers of F after relu(bn1(x))."""
        return [self.conv1, self.bn2, self.relu, self.conv2]

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, expansion * channels, H / stride, W / stride)."""
        activated = input if self.activated else run([self.bn1, self.relu], input)
        return (self.downsample(activated) if self.projects else input) + run(self.branch(), activated)


class PreactivationBottleneck(PreactivationBlock):
    """The same with convolutions 1x1, 3x3 and 1x1, the result having four times `channels`."""

    expansion = 4

    def _add_layers(self, in_channels: int, channels: int, stride: int, padding_mode: str) -> None:
        self.conv1 = convolution(in_channels, channels, 1)
        self.bn2 = BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, stride, padding_mode)
        self.bn3 = BatchNorm2d(channels)
        self.conv3 = convolution(channels, self.expansion * channels, 1)

    def branch(self) -> list[Module]:
        """Return the layers of F after relu(bn1(x))."""
        return [self.conv1, self.bn2, self.relu, self.conv2, self.bn3, self.relu, self.conv3]
