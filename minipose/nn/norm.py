"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minipose.autograd import is_recomputing
from minipose.checks import check_flag, check_integer, check_memory, check_number, is_integer
from minipose.nn.module import Module
from minipose.nn.parameter import Parameter
from minipose.ops import batch_norm, batch_norm_relu, group_norm, instance_norm, layer_norm
from minipose.ops.checks import check_tensor
from minipose.tensor import Tensor, int64


def _add_affine(layer: Module, shape: tuple[int, ...], affine: bool, bias: bool) -> None:
    """Give a layer a weight of ones and a bias of zeros, or None for what it shall not learn."""
    check_flag(type(layer).__name__, "bias", bias)
    check_memory(type(layer).__name__, "weight", shape)
    layer.register_parameter("weight", Parameter(np.ones(shape, np.float32)) if affine else None)
    layer.register_parameter("bias", Parameter(np.zeros(shape, np.float32)) if affine and bias else None)


class _ChannelNorm(Module):
    """What normalises channels and may keep running statistics."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_integer(name, "num_features", num_features, 1)
        check_number(name, "eps", eps, 0)
        if momentum is not None:
            check_number(name, "momentum", momentum, 0, 1)
        check_flag(name, "affine", affine)
        check_flag(name, "track_running_stats", track_running_stats)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        _add_affine(self, (num_features,), affine, bias)
        tracked = {
            "running_mean": np.zeros(num_features, np.float32),
            "running_var": np.ones(num_features, np.float32),
            "num_batches_tracked": np.zeros((), int64),
        }
        for name, values in tracked.items():
            self.register_buffer(name, Tensor(values) if track_running_stats else None)

    def _check_input(self, input: Tensor, counts: tuple[int, ...], channel_axis: int, shapes: str) -> None:
        name = type(self).__name__
        check_tensor(name, "input", input)
        if input.ndim not in counts:
            raise ValueError(f"{name}: input must be {shapes}, not of shape {input.shape}")
        C = input.shape[channel_axis]
        if C != self.num_features:  # torch accepts it where there is neither a weight nor a running mean to tell
            raise ValueError(f"{name}: input {input.shape} has {C} channels, not num_features={self.num_features}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def _normalise(self, input: Tensor, operation: Callable = batch_norm, **options: Any) -> Tensor:
        tracking = self.training and self.track_running_stats
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / (self.num_batches_tracked.item() + 1) if tracking else 0.0
        result = operation(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            momentum,
            self.eps,
            **options,
        )
        if tracking and not is_recomputing():
            self.num_batches_tracked.data += 1
        return result


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors (N, C) or lines (N, C, L); else as `BatchNorm2d`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, of its shape."""
        self._check_input(input, (2, 3), 1, "(N, C) or (N, C, L)")
        return self._normalise(input)


class BatchNorm2d(_BatchNorm):
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
    bias : bool
        Whether there is a bias beside the weight. Default True.

    Attributes
    ----------
    weight, bias : (C,) or None, ones and zeros at first
    running_mean, running_var : (C,) or None, zeros and ones at first
    num_batches_tracked : 0-d int64 or None

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, (N, C, H, W)."""
        self._check_input(input, (4,), 1, "(N, C, H, W)")
        return self._normalise(input)

    def forward_relu(self, input: Tensor, other: Tensor | None = None, six: bool = False) -> Tensor:
        """Return relu(self(input) + other), or relu6, in one operation; `other` has the input's shape, or is left out.
        """
        self._check_input(input, (4,), 1, "(N, C, H, W)")
        return self._normalise(input, batch_norm_relu, other=other, six=six)


class InstanceNorm2d(_ChannelNorm):
    """Normalisation of each channel of each image, as `torch.nn.InstanceNorm2d` (Ulyanov et al. 2016).

    Parameters and attributes are those of `BatchNorm2d`, but with affine=False and track_running_stats=False nothing
    is learnt or kept unless asked for. With running statistics, eval mode uses them.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, (N, C, H, W) or (C, H, W)."""
        self._check_input(input, (3, 4), -3, "(N, C, H, W) or (C, H, W)")
        result = instance_norm(
            input if input.ndim == 4 else input.unsqueeze(0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return result.reshape(input.shape)


class LayerNorm(Module):
    """Normalisation of each sample over its last axes, as `torch.nn.LayerNorm` (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of the axes to average over.
    eps : float
        Added to the variance. Default 1e-5.
    elementwise_affine : bool
        Whether to learn a weight and a bias for each entry. Default True.
    bias : bool
        Whether there is a bias beside the weight. Default True.

    Attributes
    ----------
    weight, bias : of shape normalized_shape, or None; ones and zeros at first

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        shape = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        if not all(is_integer(n) for n in shape):
            raise TypeError(f"LayerNorm: normalized_shape must be an integer or several, not {normalized_shape!r}")
        if not shape or any(n < 0 for n in shape):
            raise ValueError(f"LayerNorm: normalized_shape must be one length or more, not {normalized_shape!r}")
        check_number("LayerNorm", "eps", eps, 0)
        check_flag("LayerNorm", "elementwise_affine", elementwise_affine)
        self.normalized_shape, self.eps = tuple(int(n) for n in shape), eps
        self.elementwise_affine = elementwise_affine
        _add_affine(self, self.normalized_shape, elementwise_affine, bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, of its shape."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Normalisation of groups of channels of each sample, as `torch.nn.GroupNorm` (Wu & He 2018).

    Parameters
    ----------
    num_groups : int
        Must divide num_channels.
    num_channels : int
        C.
    eps : float
        Added to the variance. Default 1e-5.
    affine : bool
        Whether to learn a weight and a bias for each channel. Default True.
    bias : bool
        Whether there is a bias beside the weight. Default True.

    Attributes
    ----------
    weight, bias : (C,) or None, ones and zeros at first

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong kind or out of range.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        super().__init__()
        check_integer("GroupNorm", "num_groups", num_groups, 1)
        check_integer("GroupNorm", "num_channels", num_channels, 1)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} does not divide num_channels={num_channels}")
        check_number("GroupNorm", "eps", eps, 0)
        check_flag("GroupNorm", "affine", affine)
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        _add_affine(self, (num_channels,), affine, bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, (N, C, ...)."""
        check_tensor("GroupNorm", "input", input)
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm: input must be (N, C={self.num_channels}, ...), not of shape {input.shape}")
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
