"""The HRNet of `minipose.models`, written in PyTorch with the same names, so that one state_dict fits both."""

from __future__ import annotations

import torch
from torch import nn

from tests.models.torch_network import TorchPoseNetwork


class BasicBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + x)


class Bottleneck(nn.Module):
    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU()
        self.downsample = None
        if inplanes != 4 * planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def halve(in_channels: int, out_channels: int, relu: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, nn.ReLU()) if relu else nn.Sequential(*layers)


class Exchange(nn.Module):
    """One module: parallel branches of basic blocks, then the exchange between them."""

    def __init__(self, width: int, branches: int, blocks: int, only_first: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*[BasicBlock(width * 2**b) for _ in range(blocks)]) for b in range(branches)
        )
        self.fuse_layers = nn.ModuleList()
        for i in range(1 if only_first else branches):
            row = nn.ModuleList()
            for j in range(branches):
                C, F = width * 2**j, width * 2**i
                if j > i:
                    row.append(nn.Sequential(nn.Conv2d(C, F, 1, bias=False), nn.BatchNorm2d(F)))
                elif j < i:
                    row.append(nn.Sequential(*[halve(C, C) for _ in range(i - j - 1)], halve(C, F, relu=False)))
                else:
                    row.append(nn.Identity())
            self.fuse_layers.append(row)
        self.relu = nn.ReLU()

    def forward(self, xs: list[torch.Tensor]) -> list[torch.Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        fused = []
        for i, row in enumerate(self.fuse_layers):
            total = torch.zeros_like(xs[i])
            for layer, x in zip(row, xs, strict=True):
                total = total + nn.functional.interpolate(layer(x), size=xs[i].shape[2:], mode="nearest")
            fused.append(self.relu(total))
        return fused


class Backbone(nn.Module):
    def __init__(
        self,
        width: int,
        modules: tuple[int, ...],
        blocks: int,
        bottlenecks: int,
        stem_width: int,
        stem_stride: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, stem_width, 3, 1 if stem_stride == 1 else 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_width)
        self.conv2 = nn.Conv2d(stem_width, stem_width, 3, 2 if stem_stride == 4 else 1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem_width)
        self.relu = nn.ReLU()
        wide = 4 * stem_width
        self.layer1 = nn.Sequential(
            Bottleneck(stem_width, stem_width), *[Bottleneck(wide, stem_width) for _ in range(bottlenecks - 1)]
        )
        first: nn.Module = nn.Identity()
        if wide != width:
            first = nn.Sequential(nn.Conv2d(wide, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.transition1 = nn.ModuleList([first, nn.Sequential(halve(wide, 2 * width))])
        self.stage2 = self._stage(width, 2, modules, blocks)
        if len(modules) > 1:
            new = nn.Sequential(halve(2 * width, 4 * width))
            self.transition2 = nn.ModuleList([nn.Identity(), nn.Identity(), new])
            self.stage3 = self._stage(width, 3, modules, blocks)
        if len(modules) > 2:
            new = nn.Sequential(halve(4 * width, 8 * width))
            self.transition3 = nn.ModuleList([nn.Identity(), nn.Identity(), nn.Identity(), new])
            self.stage4 = self._stage(width, 4, modules, blocks)

    @staticmethod
    def _stage(width: int, branches: int, modules: tuple[int, ...], blocks: int) -> nn.Sequential:
        count, final = modules[branches - 2], branches == len(modules) + 1
        return nn.Sequential(*[Exchange(width, branches, blocks, final and m == count - 1) for m in range(count)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.layer1(x)
        xs = self.stage2([self.transition1[0](x), self.transition1[1](x)])
        if hasattr(self, "stage3"):
            xs = self.stage3([*xs, self.transition2[2](xs[-1])])
        if hasattr(self, "stage4"):
            xs = self.stage4([*xs, self.transition3[3](xs[-1])])
        return xs[0]


class TorchHRNet(TorchPoseNetwork):
    def __init__(
        self,
        width: int = 16,
        modules: tuple[int, ...] = (1, 1, 1),
        blocks: int = 1,
        bottlenecks: int = 2,
        stem_width: int = 16,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
        pooling: str = "points",
    ) -> None:
        backbone = Backbone(width, modules, blocks, bottlenecks, stem_width, stem_stride, in_channels)
        super().__init__(backbone, width, stem_stride, head, joints, output_stride, upsampling, head_width, pooling)
