"""The stacked hourglass by Newell et al. (2016) in PyTorch, with the names of `minipose.models`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.models.torch_network import ScalarHead


class Residual(nn.Module):
    """Figure 4 on the left: 1x1, 3x3, 1x1, half of the features in between; normalisation and ReLU go first."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.branch = nn.Sequential()
        for c_in, c_out, kernel in ((n_in, n_out // 2, 1), (n_out // 2, n_out // 2, 3), (n_out // 2, n_out, 1)):
            self.branch.append(nn.BatchNorm2d(c_in))
            self.branch.append(nn.ReLU())
            self.branch.append(nn.Conv2d(c_in, c_out, kernel, padding=(kernel - 1) // 2))
        self.shortcut = nn.Identity()
        if n_in != n_out:
            self.shortcut = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.branch(x)


class Level(nn.Module):
    """Figure 3, one level of it; the one inside it stands in the middle."""

    def __init__(self, n: int, f: int) -> None:
        super().__init__()
        self.up1 = Residual(f, f)
        self.low1 = Residual(f, f)
        self.low2 = Residual(f, f) if n == 1 else Level(n - 1, f)
        self.low3 = Residual(f, f)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = self.low3(self.low2(self.low1(F.max_pool2d(x, 2, 2))))
        return self.up1(x) + F.interpolate(low, size=x.shape[2:], mode="nearest")


class TorchStackedHourglass(nn.Module):
    def __init__(
        self,
        width: int = 256,
        order: int = 4,
        stacks: int = 8,
        joints: int = 16,
        in_channels: int = 3,
        head: str = "heatmap",
        stem_stride: int = 4,
        supervision: str = "all",
    ) -> None:
        super().__init__()
        self.supervision = supervision
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width // 4, kernel_size=7, stride=2, padding=3),
            nn.BatchNorm2d(width // 4),
            nn.ReLU(),
            Residual(width // 4, width // 2),
            nn.MaxPool2d(stem_stride // 2),
            Residual(width // 2, width // 2),
            Residual(width // 2, width),
        )
        self.hourglasses, self.heads = nn.ModuleList(), nn.ModuleList()
        self.from_features, self.from_maps = nn.ModuleList(), nn.ModuleList()
        for stack in range(stacks):
            last = stack == stacks - 1
            lin = [nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU()]
            self.hourglasses.append(nn.Sequential(Level(order, width), Residual(width, width), *lin))
            if head != "scalar":
                self.heads.append(nn.Conv2d(width, joints, 1))
                if not last:
                    self.from_maps.append(nn.Conv2d(joints, width, 1))
            else:
                seen = last or supervision == "all"
                self.heads.append(ScalarHead(width, joints, stem_stride) if seen else nn.Identity())
            if not last:
                self.from_features.append(nn.Conv2d(width, width, 1))

    def forward_stacks(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(x)
        outputs = []
        for stack, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            output = self.heads[stack](features)
            outputs.append(output)
            if stack < len(self.from_features):
                x = x + self.from_features[stack](features)
            if stack < len(self.from_maps):
                x = x + self.from_maps[stack](output)
        return outputs[-1:] if self.supervision == "last" else outputs
