"""MobileNetV2 in PyTorch by the paper's table 2, with the names of `minipose.models`, so that one state fits both."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.models.torch_network import TorchPoseNetwork

SETTINGS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def make_divisible(value: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * value:
        rounded += divisor
    return rounded


class ConvBNReLU(nn.Sequential):
    def __init__(self, C: int, F: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = (kernel - 1) // 2
        super().__init__(
            nn.Conv2d(C, F, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(F), nn.ReLU6()
        )


class Bottleneck(nn.Module):
    def __init__(self, C: int, F: int, stride: int, t: int) -> None:
        super().__init__()
        self.residual = stride == 1 and C == F
        layers = [] if t == 1 else [ConvBNReLU(C, t * C, 1)]
        layers += [ConvBNReLU(t * C, t * C, 3, stride, groups=t * C), nn.Conv2d(t * C, F, 1, bias=False)]
        self.conv = nn.Sequential(*layers, nn.BatchNorm2d(F))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return x + y if self.residual else y


class Backbone(nn.Module):
    def __init__(self, width_multiplier: float, last_channels: int | None, stem_stride: int, in_channels: int) -> None:
        super().__init__()
        C = make_divisible(32 * width_multiplier)
        features = [ConvBNReLU(in_channels, C, 3, stem_stride)]
        for t, c, n, s in SETTINGS:
            F = make_divisible(c * width_multiplier)
            for i in range(n):
                features.append(Bottleneck(C, F, s if i == 0 else 1, t))
                C = F
        if last_channels:
            features.append(ConvBNReLU(C, last_channels, 1))
            C = last_channels
        self.features = nn.Sequential(*features)
        self.out_channels = C

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x)


class TorchMobileNetV2(TorchPoseNetwork):
    def __init__(
        self,
        width_multiplier: float,
        last_channels: int | None = None,
        stem_stride: int = 2,
        in_channels: int = 3,
        head_width: int = 64,
        **options: Any,
    ) -> None:
        backbone = Backbone(width_multiplier, last_channels, stem_stride, in_channels)
        super().__init__(backbone, backbone.out_channels, 16 * stem_stride, head_width=head_width, **options)
