"""MobileNetV2 in PyTorch by the paper's table 2, with the names of `minipose.models`, so that one state fits both."""

from __future__ import annotations

import torch
from torch import nn

from tests.models.torch_scalar_head import ScalarHead

SETTINGS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
HEAD_STEPS = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5}


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


class TorchMobileNetV2(nn.Module):
    def __init__(
        self,
        width_multiplier: float,
        last_channels: int | None = None,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
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
        self.backbone = nn.ModuleDict({"features": nn.Sequential(*features)})
        if head == "scalar":
            self.head = ScalarHead(C, joints, pooling)
            return
        layers = []
        for _ in range(HEAD_STEPS[16 * stem_stride // output_stride]):
            deconvolution = nn.ConvTranspose2d(C, head_width, 4, 2, 1, bias=False)
            layers.append(nn.Sequential(deconvolution, nn.BatchNorm2d(head_width), nn.ReLU()))
            C = head_width
        self.head = nn.Sequential(*layers, nn.Conv2d(C, joints, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.backbone["features"](x)
        return self.head(x)
