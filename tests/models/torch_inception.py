"""Inception v1 in PyTorch by the paper's table 1, with the names of `minipose.models`, so that one state fits both."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.models.torch_network import TorchPoseNetwork


class BasicConv2d(nn.Module):
    def __init__(self, C: int, F: int, **options: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C, F, bias=False, **options)
        self.bn = nn.BatchNorm2d(F, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    def __init__(self, C: int, c1: int, c3r: int, c3: int, c5r: int, c5: int, pool: int, kernel: int) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(C, c1, kernel_size=1)
        self.branch2 = nn.Sequential(BasicConv2d(C, c3r, kernel_size=1), BasicConv2d(c3r, c3, kernel_size=3, padding=1))
        self.branch3 = nn.Sequential(
            BasicConv2d(C, c5r, kernel_size=1), BasicConv2d(c5r, c5, kernel_size=kernel, padding=kernel // 2)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True), BasicConv2d(C, pool, kernel_size=1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(nn.Module):
    def __init__(self, width: int, last_block: str, kernel: int, stem_stride: int, in_channels: int) -> None:
        super().__init__()

        def of(*published: int) -> list[int]:
            return [max(1, int(n * width / 64 + 0.5)) for n in published]

        a, b, c = of(64, 64, 192)
        self.stem_stride, self.last_block = stem_stride, last_block
        self.conv1 = BasicConv2d(in_channels, a, kernel_size=7, stride=1 if stem_stride == 1 else 2, padding=3)
        self.conv2 = BasicConv2d(a, b, kernel_size=1)
        self.conv3 = BasicConv2d(b, c, kernel_size=3, padding=1)

        def block(*published: int) -> Block:
            nonlocal c
            channels = of(*published)
            made = Block(c, *channels, kernel)
            c = channels[0] + channels[2] + channels[4] + channels[5]
            return made

        self.inception3a = block(64, 96, 128, 16, 32, 32)
        self.inception3b = block(128, 128, 192, 32, 96, 64)
        self.inception4a = block(192, 96, 208, 16, 48, 64)
        self.inception4b = block(160, 112, 224, 24, 64, 64)
        self.inception4c = block(128, 128, 256, 24, 64, 64)
        self.inception4d = block(112, 144, 288, 32, 64, 64)
        self.inception4e = block(256, 160, 320, 32, 128, 128)
        if last_block == "5b":
            self.inception5a = block(256, 160, 320, 32, 128, 128)
            self.inception5b = block(384, 192, 384, 48, 128, 128)
        self.out_channels = c

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        if self.stem_stride == 4:
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = functional.max_pool2d(self.conv3(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.inception3b(self.inception3a(x))
        x = self.inception4a(functional.max_pool2d(x, 3, 2, ceil_mode=True))
        x = self.inception4e(self.inception4d(self.inception4c(self.inception4b(x))))
        if self.last_block == "5b":
            x = self.inception5b(self.inception5a(functional.max_pool2d(x, 2, 2, ceil_mode=True)))
        return x


class TorchInception(TorchPoseNetwork):
    def __init__(
        self,
        width: int = 64,
        last_block: str = "5b",
        largest_kernel: int = 5,
        stem_stride: int = 4,
        in_channels: int = 3,
        upsampling: str = "bilinear",
        head_width: int = 64,
        **options: Any,
    ) -> None:
        backbone = GoogLeNet(width, last_block, largest_kernel, stem_stride, in_channels)
        stride = stem_stride * (8 if last_block == "5b" else 4)
        head = {"upsampling": upsampling, "head_width": head_width, **options}
        super().__init__(backbone, backbone.out_channels, stride, **head)
