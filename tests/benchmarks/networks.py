"""The networks: `build(lib)` makes the project's own of `minipose`, and of `torch` the one that tests compare it with.

All end in 16 heatmaps. The layers are the papers', the images smaller than theirs, so that a step takes a fraction of
a second.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from minipose import models

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


def _network(model: str, twin: str, **options: Any) -> Callable[[ModuleType], Any]:
    """Return what builds the project's own network, or the one that the tests of `minipose.models` compare it with."""

    def build(lib: ModuleType) -> Any:
        if lib.__name__ == "torch":
            file, name = twin.split(".")
            return getattr(importlib.import_module(f"tests.models.{file}"), name)(**options)
        return models.create(model, **options)

    return build


hourglass = _network("hourglass", "torch_hourglass.TorchHourglass")
PUBLISHED = {"width": 64, "stem_stride": 4, "output_stride": 4}

NETWORKS = {
    n.name: n
    for n in (
        Network("hourglass", "Hourglass", hourglass, batch=32, size=64, stride=2),
        Network("stacked", "Hourglass, 2 stacks",
                _network("hourglass", "torch_hourglass.TorchHourglass", stacks=2), batch=32, size=64, stride=2),
        Network("resnet", "ResNet-18 + deconvolutions",
                _network("simple_baseline", "torch_resnet.TorchSimpleBaseline", **PUBLISHED, head_width=256),
                batch=8, size=128, stride=4),
        Network("unet", "U-Net", _network("unet", "torch_unet.TorchUNet", width=32, depth=3, output_stride=1),
                batch=8, size=64, stride=1),
        Network("se_resnet", "SE-ResNet-18 + deconvolutions",
                _network("se_resnet", "torch_resnet.TorchSEResNet", **PUBLISHED, head_width=256, reduction=16),
                batch=8, size=128, stride=4),
        Network("mobilenet", "MobileNetV2",
                _network("mobilenet_v2", "torch_mobilenet_v2.TorchMobileNetV2", width_multiplier=1.0, stem_stride=2,
                         output_stride=4), batch=8, size=128, stride=4),
        Network("inception", "Inception v1",
                _network("inception", "torch_inception.TorchInception", **PUBLISHED, last_block="4e"),
                batch=8, size=128, stride=4),
    )  # fmt: skip
}
