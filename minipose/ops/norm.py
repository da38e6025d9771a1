"""Normalisation: shift and scale values so that their mean is 0 and their variance 1, then learn what they should be.

The kinds differ in what is averaged over: `batch_norm`, in a file of its own, each channel over the batch and its
pixels; `layer_norm` the last axes of each sample, `group_norm` groups of channels of each sample, `instance_norm` each
channel of each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minipose.autograd import Function, is_grad_enabled
from minipose.checks import check_flag, check_integer, check_number, is_integer
from minipose.kernels import Array
from minipose.ops.batch_norm import affine, check_normalisation, image_shape, move_running, normalise_channels
from minipose.ops.checks import check_float_tensor, check_tensor
from minipose.tensor import Tensor


class Normalise(Function):
    """y = (x - mean) r over each row of a matrix, r = 1 / sqrt(var + eps).

    As in BatchNorm, grad_x = r (grad - mean(grad) - y mean(grad y)); for derivatives of higher order r is a function
    of x again.
    """

    name = "normalise"

    def forward(self, x: Array, eps: float) -> Array:
        self.eps = eps
        self.save_inputs(0)
        self.save_output()
        deviation = x - x.sum(axis=1, keepdims=True) / x.shape[1]
        rstd = ((deviation * deviation).sum(axis=1, keepdims=True) / x.shape[1] + eps) ** -0.5
        self.save(rstd)
        return deviation * rstd

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x,), y = self.saved_inputs, self.saved_output
        if is_grad_enabled():
            rstd = (x.var(1, correction=0, keepdim=True) + self.eps) ** -0.5
        else:
            rstd = Tensor(self.saved[0])
        return ((grad - grad.mean(1, keepdim=True) - y * (grad * y).mean(1, keepdim=True)) * rstd,)


def _normalise(input: Tensor, rows: int, eps: float) -> Tensor:
    """Return the input, cut into so many rows, with each of them normalised."""
    if not input.numel():
        return input
    return Normalise.apply(input.reshape(rows, -1), eps=eps).reshape(input.shape)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each sample over its last axes, as `torch.nn.functional.layer_norm` (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    input : its last axes are those of normalized_shape
    normalized_shape : tuple of int
        The lengths of the axes to average over.
    weight, bias : of shape normalized_shape, optional
    eps : float
        Added to the biased variance. Default 1e-5.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit.
    """
    name = "layer_norm"
    check_float_tensor(name, "input", input)
    check_number(name, "eps", eps, 0)
    if not isinstance(normalized_shape, (tuple, list)) or not all(is_integer(n) for n in normalized_shape):
        raise TypeError(f"{name}: normalized_shape must be a tuple of integers, not {normalized_shape!r}")
    shape = tuple(int(n) for n in normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(f"{name}: input {input.shape} must end in normalized_shape={shape}, one axis or more")
    for argument, value in (("weight", weight), ("bias", bias)):
        if value is None:
            continue
        check_tensor(name, argument, value)
        if value.shape != shape:
            raise ValueError(f"{name}: {argument} has shape {value.shape}, not that of normalized_shape={shape}")
        if value.dtype != input.dtype:
            raise TypeError(f"{name}: {argument} is {value.dtype} but input {input.dtype}; convert one with .to()")
        if value.device != input.device:
            raise ValueError(f"{name}: {argument} is on {value.device!r} but input on {input.device!r}; use .to()")
    result = _normalise(input, math.prod(input.shape[: -len(shape)]), eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each group of C / num_groups channels of each sample, as `torch.nn.functional.group_norm`.

    Parameters
    ----------
    input : (N, C, ...)
    num_groups : int
        Must divide C.
    weight, bias : (C,), optional
    eps : float
        Added to the biased variance. Default 1e-5.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, or the whole batch has one value per group.

    Source: Wu & He 2018.
    """
    name = "group_norm"
    check_normalisation(name, input, eps, {"weight": weight, "bias": bias})
    check_integer(name, "num_groups", num_groups, 1)
    N, C = input.shape[:2]
    if C % num_groups:
        raise ValueError(
            f"{name}: num_groups={num_groups} does not divide the {C} channels of input {image_shape(input)}"
        )
    if input.numel() == num_groups:
        raise ValueError(f"{name}: needs more than one value per group, not input {image_shape(input)}")
    return affine(_normalise(input, N * num_groups, eps), weight, bias)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample, as `torch.nn.functional.instance_norm` (Ulyanov et al. 2016).

    Parameters
    ----------
    input : (N, C, L), (N, C, H, W) or more axes
    running_mean, running_var : (C,), optional
        Moved in place by `momentum` towards the batch's average of the mean and of the unbiased variance, or, with
        use_input_stats=False, what is normalised by.
    weight, bias : (C,), optional
    use_input_stats : bool
        Default True.
    momentum : float, from 0 to 1
    eps : float
        Added to the biased variance. Default 1e-5.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, statistics are missing, or a channel of a sample has a single value.
    """
    name = "instance_norm"
    check_flag(name, "use_input_stats", use_input_stats)
    check_number(name, "momentum", momentum, 0, 1)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_normalisation(name, input, eps, given, "" if use_input_stats else "use_input_stats=False")
    if not use_input_stats:
        if not input.numel():
            return affine(input, weight, bias)
        statistics = running_mean.data.copy(), running_var.data.copy()
        return normalise_channels(input, weight, bias, statistics, eps, of_batch=False)
    N, C = input.shape[:2]
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"{name}: needs more than one value per channel and sample, not input {image_shape(input)}")
    if running_mean is not None and input.numel():
        samples = input.data.reshape(N, C, count)
        move_running(running_mean, samples.mean(axis=(0, 2)), momentum)
        move_running(running_var, samples.var(axis=2).mean(axis=0) * (count / (count - 1)), momentum)
    return affine(_normalise(input, N * C, eps), weight, bias)
