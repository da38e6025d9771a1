"""ResNet, its plain and pre-activation nets and SE-ResNet, written in PyTorch by the papers, named as torchvision."""

from __future__ import annotations

import torch
from torch import nn

from tests.models.torch_network import TorchPoseNetwork

DEPTHS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, 1, stride=stride, bias=False)


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, mode: str = "zeros") -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, 3, stride=stride, padding=1, bias=False, padding_mode=mode)


class SE(nn.Module):
    def __init__(self, channels: int, r: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(channels // r, 1), 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(max(channels // r, 1), channels, 1)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        z = u.mean(dim=(2, 3), keepdim=True)
        s = torch.sigmoid(self.fc2(self.relu(self.fc1(z))))
        return u * s


class Basic(nn.Module):
    expansion = 1

    def __init__(self, in_planes: int, planes: int, stride: int, mode: str, r: int = 0, shortcut: bool = True) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_planes, planes, stride, mode)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes, mode=mode)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.se = SE(planes, r) if r else None
        self.downsample = None
        self.shortcut = shortcut
        if shortcut and (stride > 1 or in_planes != planes):
            self.downsample = nn.Sequential(conv1x1(in_planes, planes, stride), nn.BatchNorm2d(planes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.se is not None:
            out = self.se(out)
        if self.shortcut:
            out = out + (x if self.downsample is None else self.downsample(x))
        return self.relu(out)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes: int, planes: int, stride: int, mode: str, r: int = 0) -> None:
        super().__init__()
        self.conv1 = conv1x1(in_planes, planes)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes, stride, mode)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = conv1x1(planes, 4 * planes)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU()
        self.se = SE(4 * planes, r) if r else None
        self.downsample = None
        if stride > 1 or in_planes != 4 * planes:
            self.downsample = nn.Sequential(conv1x1(in_planes, 4 * planes, stride), nn.BatchNorm2d(4 * planes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.se is not None:
            out = self.se(out)
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Preact(nn.Module):
    def __init__(self, in_planes: int, planes: int, stride: int, mode: str, bottleneck: bool, first: bool) -> None:
        super().__init__()
        out_planes = 4 * planes if bottleneck else planes
        self.relu = nn.ReLU()
        self.bn1 = None if first else nn.BatchNorm2d(in_planes)  # first: the stem has just done both
        self.bn3 = None
        if bottleneck:
            self.conv1 = conv1x1(in_planes, planes)
            self.bn2 = nn.BatchNorm2d(planes)
            self.conv2 = conv3x3(planes, planes, stride, mode)
            self.bn3 = nn.BatchNorm2d(planes)
            self.conv3 = conv1x1(planes, out_planes)
        else:
            self.conv1 = conv3x3(in_planes, planes, stride, mode)
            self.bn2 = nn.BatchNorm2d(planes)
            self.conv2 = conv3x3(planes, planes, mode=mode)
        self.downsample = None
        if stride > 1 or in_planes != out_planes:
            self.downsample = conv1x1(in_planes, out_planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pre = x if self.bn1 is None else self.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(pre)
        out = self.conv2(self.relu(self.bn2(self.conv1(pre))))
        if self.bn3 is not None:
            out = self.conv3(self.relu(self.bn3(out)))
        return out + shortcut


class Trunk(nn.Module):
    def __init__(
        self,
        depth: int,
        blocks: list[int] | None,
        block: str | None,
        width: int,
        stem_stride: int,
        in_channels: int,
        mode: str,
        r: int,
    ) -> None:
        super().__init__()
        deep = depth >= 50 and not blocks
        block = block or ("bottleneck" if deep else "basic")
        expansion = 4 if block == "bottleneck" or (block == "preactivation" and deep) else 1
        if stem_stride == 1:
            self.conv1 = conv3x3(in_channels, width, mode=mode)
        else:
            self.conv1 = nn.Conv2d(in_channels, width, 7, 2, 3, bias=False, padding_mode=mode)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stem_stride == 4 else None
        self.in_planes = width
        for i, n in enumerate(blocks or DEPTHS[depth]):
            stage = []
            for j in range(n):
                stride = 2 if i and not j else 1
                planes = width << i
                if block == "preactivation":
                    layer = Preact(self.in_planes, planes, stride, mode, deep, first=(i, j) == (0, 0))
                elif block == "bottleneck":
                    layer = Bottleneck(self.in_planes, planes, stride, mode, r)
                else:
                    layer = Basic(self.in_planes, planes, stride, mode, r, shortcut=block == "basic")
                stage.append(layer)
                self.in_planes = planes * expansion
            self.add_module(f"layer{i + 1}", nn.Sequential(*stage))
        self.last = nn.Sequential(nn.BatchNorm2d(self.in_planes), nn.ReLU()) if block == "preactivation" else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x if self.last is None else self.last(x)


def TorchResNet(
    depth: int = 18,
    blocks: list[int] | None = None,
    block: str | None = None,
    width: int = 16,
    stem_stride: int = 2,
    in_channels: int = 3,
    padding_mode: str = "zeros",
    reduction: int = 0,
    upsampling: str = "bilinear",
    head_width: int = 64,
    **options,
) -> TorchPoseNetwork:
    trunk = Trunk(depth, blocks, block, width, stem_stride, in_channels, padding_mode, reduction)
    return TorchPoseNetwork(
        trunk, trunk.in_planes, 8 * stem_stride, upsampling=upsampling, head_width=head_width, **options
    )


def TorchSimpleBaseline(**options) -> TorchPoseNetwork:
    return TorchResNet(**options, upsampling="deconvolution")


def TorchSEResNet(**options) -> TorchPoseNetwork:
    return TorchResNet(**{"reduction": 4, "upsampling": "deconvolution", **options})
