"""The networks: `build(lib)` makes each of `torch` or of `minipose`, whose names are the same.

All end in 16 heatmaps. The layers are the papers', the images smaller than theirs, so that a step takes a fraction of
a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

MAPS = 16


@dataclass(frozen=True)
class Network:
    """What is trained, and on what: images (batch, 3, size, size), `stride` image pixels to a pixel of the maps."""

    name: str
    title: str
    build: Callable[..., Any]
    batch: int
    size: int
    stride: int

    def small(self) -> Network:
        """Return the same network for a batch that takes no time."""
        return replace(self, batch=2, size=64)


def hourglass(lib: ModuleType, stacks: int = 1) -> Any:
    """The project's own, against the one that the tests of `minipose.models` compare it with."""
    if lib.__name__ == "torch":
        from tests.models.torch_hourglass import TorchHourglass

        return TorchHourglass(stacks=stacks)
    from minipose.models import create

    return create("hourglass", stacks=stacks)


def stacked(lib: ModuleType) -> Any:
    return hourglass(lib, stacks=2)


def conv_bn(nn: ModuleType, C: int, F: int, kernel: int = 3, stride: int = 1) -> Any:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(C, F, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(F),
        nn.ReLU(),
    )


def deconvolution_head(nn: ModuleType, C: int, width: int, steps: int) -> Any:
    """Transposed convolutions of kernel 4 that double the size, and one heatmap per joint (Xiao et al. 2018)."""
    layers = []
    for i in range(steps):
        layers += [
            nn.ConvTranspose2d(C if i == 0 else width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Conv2d(width, MAPS, 1))


def squeeze_excitation(lib: ModuleType, C: int, reduction: int = 16) -> Any:
    """Scale each channel by what a small network makes of all channels' means (Hu et al. 2018)."""
    nn = lib.nn

    class SqueezeExcitation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.gate = nn.Sequential(
                nn.Conv2d(C, C // reduction, 1), nn.ReLU(), nn.Conv2d(C // reduction, C, 1), nn.Sigmoid()
            )

        def forward(self, x: Any) -> Any:
            return x * self.gate(self.pool(x))

    return SqueezeExcitation()


def basic_block(lib: ModuleType, C: int, F: int, stride: int, gated: bool) -> Any:
    """The residual block of ResNet-18 (He et al. 2016), with or without squeeze-and-excitation."""
    nn = lib.nn

    class BasicBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = conv_bn(nn, C, F, stride=stride)
            self.second = nn.Sequential(nn.Conv2d(F, F, 3, padding=1, bias=False), nn.BatchNorm2d(F))
            self.gate = squeeze_excitation(lib, F) if gated else nn.Identity()
            if stride == 1 and C == F:
                self.shortcut = nn.Identity()
            else:
                self.shortcut = nn.Sequential(nn.Conv2d(C, F, 1, stride, bias=False), nn.BatchNorm2d(F))
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.gate(self.second(self.first(x))) + self.shortcut(x))

    return BasicBlock()


def resnet(lib: ModuleType, gated: bool = False) -> Any:
    """ResNet-18 and three transposed convolutions: the simple baseline of Xiao et al. 2018."""
    nn = lib.nn
    blocks, C = [], 64
    for F, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [basic_block(lib, C, F, stride, gated), basic_block(lib, F, F, 1, gated)]
        C = F
    stem = [conv_bn(nn, 3, 64, kernel=7, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    return nn.Sequential(*stem, *blocks, deconvolution_head(nn, 512, 256, steps=3))


def se_resnet(lib: ModuleType) -> Any:
    return resnet(lib, gated=True)


def unet(lib: ModuleType) -> Any:
    """The project's own, as wide again as its default and up to the images' size."""
    options = {"width": 32, "depth": 3, "output_stride": 1}
    if lib.__name__ == "torch":
        from tests.models.torch_unet import TorchUNet

        return TorchUNet(**options)
    from minipose.models import create

    return create("unet", **options)


def mobilenet(lib: ModuleType) -> Any:
    """The project's own up to its last block, and a light head."""
    options = {"width_multiplier": 1.0, "stem_stride": 2, "output_stride": 4, "head_width": 64}
    if lib.__name__ == "torch":
        from tests.models.torch_mobilenet_v2 import TorchMobileNetV2

        return TorchMobileNetV2(**options)
    from minipose.models import create

    return create("mobilenet_v2", **options)


def inception(lib: ModuleType) -> Any:
    """The project's own to block 4e, with a lighter head than its own: bilinear resizing between 1x1 convolutions."""
    nn = lib.nn
    options = {"width": 64, "last_block": "4e", "stem_stride": 4, "output_stride": 4}
    if lib.__name__ == "torch":
        from tests.models.torch_inception import TorchInception

        backbone = TorchInception(**options).backbone
    else:
        from minipose.models import create

        backbone = create("inception", **options).backbone
    head = [conv_bn(nn, 832, 128, kernel=1), nn.Upsample(scale_factor=4, mode="bilinear"), nn.Conv2d(128, MAPS, 1)]
    return nn.Sequential(backbone, *head)


NETWORKS = {
    n.name: n
    for n in (
        Network("hourglass", "Hourglass", hourglass, batch=32, size=64, stride=2),
        Network("stacked", "Hourglass, 2 stacks", stacked, batch=32, size=64, stride=2),
        Network("resnet", "ResNet-18 + deconvolutions", resnet, batch=8, size=128, stride=4),
        Network("unet", "U-Net", unet, batch=8, size=64, stride=1),
        Network("se_resnet", "SE-ResNet-18 + deconvolutions", se_resnet, batch=8, size=128, stride=4),
        Network("mobilenet", "MobileNetV2", mobilenet, batch=8, size=128, stride=4),
        Network("inception", "Inception v1", inception, batch=8, size=128, stride=4),
    )
}
