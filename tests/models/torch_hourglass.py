"""The hourglass of `minipose.models`, written in PyTorch with the same names, so that one state_dict fits both."""

from __future__ import annotations

import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        if stride == 1 and in_channels == out_channels:
            self.shortcut = nn.Identity()
        else:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.branch(x) + self.shortcut(x))


class TransposedResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        projection = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2, bias=False)
        self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.branch(x) + self.shortcut(x))


class HourglassModule(nn.Module):
    def __init__(self, width: int, steps: int, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        channels = [width * 2**i for i in range(steps + 1)]
        self.encoder = nn.ModuleList(ResidualBlock(channels[i], channels[i + 1], 2) for i in range(steps))
        self.bottleneck = ResidualBlock(channels[-1], channels[-1])
        self.decoder = nn.ModuleList(
            TransposedResidualBlock(channels[i + 1], channels[i]) for i in reversed(range(steps))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed = []
        for block in self.encoder:
            passed.append(x)
            x = block(x)
        x = self.bottleneck(x)
        for block in self.decoder:
            x = block(x) + passed.pop() if self.skip else block(x)
        return x


class TorchHourglass(nn.Module):
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
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            ResidualBlock(width, width, 2),
        )
        self.hourglasses = nn.ModuleList(HourglassModule(width, depth - 1, skip) for _ in range(stacks))
        self.heads = nn.ModuleList(nn.Conv2d(width, joints, 1) for _ in range(stacks))
        self.from_features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.from_maps = nn.ModuleList(nn.Conv2d(joints, width, 1) for _ in range(stacks - 1))

    def forward_stacks(self, x: torch.Tensor) -> list[torch.Tensor]:
        features, maps = self.stem(x), []
        for i, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            result = hourglass(features)
            maps.append(head(result))
            if i + 1 < len(self.heads):
                features = features + self.from_features[i](result) + self.from_maps[i](maps[-1])
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_stacks(x)[-1]
