"""Normalisation layers."""

from __future__ import annotations

import numpy as np

from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import batch_norm
from minipose.ops.checks import is_integer
from minipose.tensor import Tensor, int64


class BatchNorm2d(Module):
    """Batch normalisation of images, as `torch.nn.BatchNorm2d` (Ioffe & Szegedy 2015).

    In training each channel is normalised by its mean and biased variance over N, H and W, and the running
    statistics move towards them (the variance towards the unbiased one). In eval mode the running ones are used.

    Parameters
    ----------
    num_features : int
        Number of channels C.
    eps : float
        Added to the variance. Default 1e-5.
    momentum : float or None
        How far the running statistics move at each step; None averages all batches evenly. Default 0.1.
    affine : bool
        Whether to learn a weight and a bias for each channel. Default True.
    track_running_stats : bool
        Default True; else batch statistics are used in eval mode too.

    Attributes
    ----------
    weight, bias : (C,) or None, ones and zeros at first
    running_mean, running_var : (C,) or None, zeros and ones at first
    num_batches_tracked : 0-d int64 or None

    Raises
    ------
    ValueError
        If an option is out of range.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        if not is_integer(num_features) or num_features < 1:
            raise ValueError(f"BatchNorm2d: num_features must be a positive integer, not {num_features!r}")
        if not eps >= 0:
            raise ValueError(f"BatchNorm2d: eps must not be negative, got {eps}")
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"BatchNorm2d: momentum must be a fraction from 0 to 1, or None, got {momentum}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = Parameter(np.ones(num_features, np.float32))
            self.bias = Parameter(np.zeros(num_features, np.float32))
        else:
            self.register_parameter("weight", None)
            self.register_parameter("bias", None)
        if track_running_stats:
            self.register_buffer("running_mean", Tensor(np.zeros(num_features, np.float32)))
            self.register_buffer("running_var", Tensor(np.ones(num_features, np.float32)))
            self.register_buffer("num_batches_tracked", Tensor(np.zeros((), int64)))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, (N, C, H, W)."""
        tracking = self.training and self.track_running_stats
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / (self.num_batches_tracked.item() + 1) if tracking else 0.0
        result = batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            momentum,
            self.eps,
        )
        if tracking:
            self.num_batches_tracked.data += 1
        return result

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )
