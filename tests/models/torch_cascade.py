"""A stage of DeepPose's cascade in PyTorch, with the joint as constant channels of the image."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class TorchCascadeStage(nn.Module):
    def __init__(self, width: int, hidden: int, joints: int, in_channels: int = 3, size: int = 32) -> None:
        super().__init__()
        self.joints = joints
        self.image = nn.Conv2d(in_channels, width, 5, stride=2, padding=2, bias=False)
        self.joint = nn.Linear(joints, width, bias=False)
        blocks: list[nn.Module] = [nn.BatchNorm2d(width), nn.ReLU()]
        for channels in (width, 2 * width):
            blocks += [
                nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(2 * channels),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*blocks)
        cells = (size // 8) ** 2
        self.linear = nn.Sequential(nn.Linear(4 * width * cells + joints, hidden), nn.ReLU(), nn.Linear(hidden, 2))

    def forward(self, crops: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        one_hot = F.one_hot(torch.as_tensor(joints), self.joints).to(crops.dtype)
        first = self.image(crops)
        # Channels that are constant over what the convolution makes, mixed by a convolution of kernel 1.
        constant = one_hot[:, :, None, None].expand(-1, -1, *first.shape[2:])
        first = first + F.conv2d(constant, self.joint.weight[:, :, None, None])
        features = self.features(first)
        return self.linear(torch.cat((features.reshape(len(crops), -1), one_hot), dim=1))
