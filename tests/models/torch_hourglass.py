"""The hourglass of `minipose.models`, written in PyTorch with the same names, so that one state_dict fits both."""

from __future__ import annotations

import math

import torch
from torch import nn

from tests.models.torch_network import ScalarHead


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, padding_mode: str = "zeros") -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False, padding_mode=padding_mode),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
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


DOUBLING = {  # kernel: padding and output_padding with which stride 2 doubles a size
    1: {"padding": 0, "output_padding": 1},
    2: {"padding": 0, "output_padding": 0},
    3: {"padding": 1, "output_padding": 1},
    4: {"padding": 1, "output_padding": 0},
}


class TransposedResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int = 4, padding_mode: str = "zeros") -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, kernel, stride=2, bias=False, **DOUBLING[kernel]),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
            nn.BatchNorm2d(out_channels),
        )
        small = 1 if kernel == 1 else 2
        projection = nn.ConvTranspose2d(in_channels, out_channels, small, stride=2, bias=False, **DOUBLING[small])
        self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.branch(x) + self.shortcut(x))


class HourglassModule(nn.Module):
    def __init__(self, width: int, steps: int, ups: int, skip: bool, decoder: str, kernel: int, padding: str) -> None:
        super().__init__()
        self.skip = skip
        channels = [width * 2**i for i in range(steps + 1)]
        self.encoder = nn.ModuleList(down(channels[i], channels[i + 1], decoder, padding) for i in range(steps))
        self.bottleneck = ResidualBlock(channels[-1], channels[-1], padding_mode=padding)
        self.decoder = nn.ModuleList()
        for i in range(steps, steps - ups, -1):
            if decoder == "transposed":
                block = TransposedResidualBlock(channels[i], channels[i - 1], kernel, padding)
            else:
                larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
                block = nn.Sequential(larger, ResidualBlock(channels[i], channels[i - 1], padding_mode=padding))
            self.decoder.append(block)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed = []
        for block in self.encoder:
            passed.append(x)
            x = block(x)
        x = self.bottleneck(x)
        for block in self.decoder:
            x = block(x) + passed.pop() if self.skip else block(x)
        return x


def down(in_channels: int, out_channels: int, decoder: str, padding_mode: str) -> nn.Module:
    if decoder != "maxpool":
        return ResidualBlock(in_channels, out_channels, stride=2, padding_mode=padding_mode)
    return nn.Sequential(ResidualBlock(in_channels, out_channels, padding_mode=padding_mode), nn.MaxPool2d(2))


class TorchHourglass(nn.Module):
    def __init__(
        self,
        width: int = 32,
        depth: int = 3,
        skip: bool = True,
        stacks: int = 1,
        joints: int = 16,
        in_channels: int = 3,
        head: str = "heatmap",
        decoder: str = "transposed",
        kernel: int = 4,
        padding_mode: str = "zeros",
        supervision: str = "all",
        output_stride: int = 2,
    ) -> None:
        super().__init__()
        self.scalar, self.only_last = head == "scalar", supervision == "last"
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1, bias=False, padding_mode=padding_mode),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            down(width, width, decoder, padding_mode),
        )
        ups = depth - int(math.log2(output_stride))
        self.hourglasses = nn.ModuleList(
            HourglassModule(width, depth - 1, ups, skip, decoder, kernel, padding_mode) for _ in range(stacks)
        )
        channels = width * output_stride // 2
        if not self.scalar:
            self.heads = nn.ModuleList(nn.Conv2d(channels, joints, 1) for _ in range(stacks))
        else:
            self.heads = nn.ModuleList(ScalarHead(channels, joints, output_stride) for _ in range(stacks))
            for i in range(stacks - 1 if self.only_last else 0):
                self.heads[i] = nn.Identity()
        self.from_features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.from_maps = nn.ModuleList([] if self.scalar else [nn.Conv2d(joints, width, 1) for _ in range(stacks - 1)])

    def forward_stacks(self, x: torch.Tensor) -> list[torch.Tensor]:
        features, outputs = self.stem(x), []
        for i, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            result = hourglass(features)
            outputs.append(head(result))
            if i + 1 < len(self.heads):
                features = features + self.from_features[i](result)
                if not self.scalar:
                    features = features + self.from_maps[i](outputs[-1])
        return [outputs[-1]] if self.only_last else outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_stacks(x)[-1]
