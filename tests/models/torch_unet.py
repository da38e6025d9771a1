"""The U-Net of `minipose.models`, written in PyTorch with the same names, so that one state_dict fits both."""

from __future__ import annotations

import torch
from torch import nn

from tests.models.torch_network import TorchPoseNetwork


def double_conv(in_channels: int, out_channels: int, padding_mode: str) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class Backbone(nn.Module):
    def __init__(self, in_channels: int, width: int, depth: int, ups: int, skip: bool, padding_mode: str) -> None:
        super().__init__()
        self.skip = skip
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.down.append(double_conv(in_channels, width, padding_mode))
        channels = width
        for _ in range(depth):
            self.down.append(double_conv(channels, 2 * channels, padding_mode))
            channels *= 2
        for _ in range(ups):
            half = channels // 2
            self.up.append(nn.ConvTranspose2d(channels, half, kernel_size=2, stride=2))
            self.merge.append(double_conv(channels if skip else half, half, padding_mode))
            channels = half
        self.out_channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.down[0](x)]
        for conv in self.down[1:]:
            levels.append(conv(nn.functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for i in range(len(self.up)):
            x = self.up[i](x)
            if self.skip:
                x = torch.cat((levels[-1 - i], x), dim=1)
            x = self.merge[i](x)
        return x


class TorchUNet(TorchPoseNetwork):
    def __init__(
        self,
        width: int = 16,
        depth: int = 3,
        skip: bool = True,
        padding_mode: str = "zeros",
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        pooling: str = "points",
    ) -> None:
        ups = {1: depth, 2: depth - 1, 4: depth - 2, 8: depth - 3}[output_stride]
        backbone = Backbone(in_channels, width, depth, ups, skip, padding_mode)
        super().__init__(backbone, backbone.out_channels, output_stride, head, joints, output_stride, pooling=pooling)
