"""DeepPose as its paper has it, in PyTorch: AlexNet's layers with batch normalisation, and three linear ones."""

from __future__ import annotations

import torch
from torch import nn

from tests.models.torch_network import TorchPoseNetwork


class Trunk(nn.Sequential):
    def __init__(self, in_channels: int, width: int, stem_stride: int, padding: int) -> None:
        layers: list[nn.Module] = []
        table = [
            # (channels, kernel, stride, whether a pool follows)
            (width, 11, stem_stride, True),
            (width * 8 // 3, 5, 1, True),
            (width * 4, 3, 1, False),
            (width * 4, 3, 1, False),
            (width * 8 // 3, 3, 1, True),
        ]
        for channels, kernel, stride, pooled in table:
            layers.append(nn.Conv2d(in_channels, channels, kernel, stride, (kernel - 1) // 2, bias=False))
            layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU())
            if pooled:
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, padding=padding))
            in_channels = channels
        super().__init__(*layers)
        self.out_channels = in_channels


class TorchDeepPose(TorchPoseNetwork):
    def __init__(
        self,
        width: int,
        hidden: int = 512,
        image_size: int = 64,
        stem_stride: int = 2,
        head: str = "heatmap",
        joints: int = 16,
        in_channels: int = 3,
        output_stride: int = 2,
        upsampling: str = "deconvolution",
        head_width: int = 64,
    ) -> None:
        trunk = Trunk(in_channels, width, stem_stride, padding=0 if head == "scalar" else 1)
        channels = trunk.out_channels
        super().__init__(trunk, channels, 8 * stem_stride, head, joints, output_stride, upsampling, head_width)
        self.scalar = head == "scalar"
        if self.scalar:
            with torch.no_grad():
                side = trunk.eval()(torch.zeros(1, in_channels, image_size, image_size)).shape[-1]
            # Dropout is left out: its draws are no engine's but its own.
            self.head = nn.Sequential(
                nn.Linear(channels * side * side, hidden), nn.ReLU(), nn.Identity(),
                nn.Linear(hidden, hidden), nn.ReLU(), nn.Identity(),
                nn.Linear(hidden, joints * 2),
            )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.backbone(x)
        return self.head(features.flatten(1)).unflatten(1, (-1, 2)) if self.scalar else self.head(features)
