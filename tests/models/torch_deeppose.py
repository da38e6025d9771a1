"""DeepPose as its paper has it, in PyTorch: AlexNet's layers with batch normalisation, and three linear ones."""

from __future__ import annotations

import torch
from torch import nn


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


class TorchDeepPose(nn.Module):
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
        super().__init__()
        self.joints = joints if head == "scalar" else None
        self.backbone = Trunk(in_channels, width, stem_stride, padding=0 if head == "scalar" else 1)
        channels = self.backbone.out_channels
        if head == "scalar":
            with torch.no_grad():
                side = self.backbone.eval()(torch.zeros(1, in_channels, image_size, image_size)).shape[-1]
            # Dropout is left out: its draws are no engine's but its own.
            self.head = nn.Sequential(
                nn.Linear(channels * side * side, hidden), nn.ReLU(), nn.Identity(),
                nn.Linear(hidden, hidden), nn.ReLU(), nn.Identity(),
                nn.Linear(hidden, joints * 2),
            )  # fmt: skip
            return
        layers: list[nn.Module] = []
        stride, width_now = stem_stride * 8, head_width
        while stride > output_stride:
            if upsampling == "deconvolution":
                layers.append(
                    nn.Sequential(
                        nn.ConvTranspose2d(channels, head_width, 4, 2, 1, bias=False),
                        nn.BatchNorm2d(head_width),
                        nn.ReLU(),
                    )
                )
                channels = head_width
            else:
                layers.append(
                    nn.Sequential(
                        nn.Upsample(scale_factor=2, mode="bilinear"),
                        nn.Conv2d(channels, width_now, 3, padding=1, bias=False),
                        nn.BatchNorm2d(width_now),
                        nn.ReLU(),
                    )
                )
                channels, width_now = width_now, max(width_now // 2, min(16, head_width))
            stride //= 2
        self.head = nn.Sequential(*layers, nn.Conv2d(channels, joints, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.backbone(x)
        if self.joints is None:
            return self.head(features)
        return self.head(torch.flatten(features, 1)).view(len(x), self.joints, 2)
