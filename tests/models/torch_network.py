"""The heads of `minipose.models`, written in PyTorch with the same names, and what puts one on a backbone."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def map_head(in_channels: int, joints: int, steps: int, upsampling: str, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in range(steps):
        if upsampling == "deconvolution":
            out = width
            up = [nn.ConvTranspose2d(in_channels, out, 4, 2, 1, bias=False)]
        else:
            out = width >> step if width >> step > 16 else min(16, width)
            up = [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(in_channels, out, 3, padding=1, bias=False)]
        layers.append(nn.Sequential(*up, nn.BatchNorm2d(out), nn.ReLU()))
        in_channels = out
    return nn.Sequential(*layers, nn.Conv2d(in_channels, joints, 1))


class FeaturePoints(nn.Module):
    def __init__(self, in_channels: int, points: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(in_channels, points, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maps(x)
        n, points, h, w = x.shape
        p = F.softmax(x.flatten(2), dim=2).view(n, points, h, w)
        # centres of the cells of an image whose edges are at -0.5 and 0.5
        xs = (torch.arange(w, dtype=x.dtype) + 0.5) / w - 0.5
        ys = (torch.arange(h, dtype=x.dtype) + 0.5) / h - 0.5
        x_mean = (p.sum(2) * xs).sum(2)
        y_mean = (p.sum(3) * ys).sum(2)
        return torch.stack([x_mean, y_mean], dim=2).flatten(1)


class MeanFeatures(nn.Module):
    def __init__(self, in_channels: int, stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.channels = in_channels
        for _ in range({1: 4, 2: 3, 4: 2, 8: 1}.get(stride, 0)):
            wider = min(2 * self.channels, 512) if self.channels < 512 else self.channels
            layers += [
                nn.Conv2d(self.channels, wider, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(),
            ]
            self.channels = wider
        self.reduce = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.reduce(x).mean(dim=(2, 3))


class ScalarHead(nn.Module):
    def __init__(self, in_channels: int, joints: int, stride: int, pooling: str = "points") -> None:
        super().__init__()
        if pooling == "points":
            self.pooling = FeaturePoints(in_channels, 8 * joints)
            self.linear = nn.Linear(2 * 8 * joints, 2 * joints)
        else:
            self.pooling = MeanFeatures(in_channels, stride)
            self.linear = nn.Linear(self.pooling.channels, 2 * joints)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.pooling(x)).unflatten(1, (-1, 2))


class TorchPoseNetwork(nn.Module):
    def __init__(
        self,
        backbone: nn.Module,
        channels: int,
        stride: int,
        head: str = "heatmap",
        joints: int = 16,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 256,
        pooling: str = "points",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        if head == "scalar":
            self.head = ScalarHead(channels, joints, stride, pooling)
        else:
            steps = (stride // output_stride).bit_length() - 1
            self.head = map_head(channels, joints, steps, upsampling, head_width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(x))
