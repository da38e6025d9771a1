"""The scalar head over features of stride 16 and more, in PyTorch with the names of `minipose.models`."""

from __future__ import annotations

import torch
from torch import nn


class FeaturePoints(nn.Module):
    """Levine et al. 2016: the expected position in each map, which spans -0.5 to 0.5."""

    def __init__(self, C: int, points: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(C, points, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.maps(x)
        H, W = maps.shape[2:]
        shares = maps.flatten(2).softmax(2).view_as(maps)
        rows = (torch.arange(H, dtype=x.dtype) + 0.5) / H - 0.5
        columns = (torch.arange(W, dtype=x.dtype) + 0.5) / W - 0.5
        return torch.stack([shares.sum(2) @ columns, shares.sum(3) @ rows], 2).flatten(1)


class Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class ScalarHead(nn.Module):
    def __init__(self, C: int, joints: int, pooling: str) -> None:
        super().__init__()
        self.joints = joints
        self.pooling = FeaturePoints(C, 8 * joints) if pooling == "points" else Mean()
        self.linear = nn.Linear(16 * joints if pooling == "points" else C, 2 * joints)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.pooling(x)).view(-1, self.joints, 2)
