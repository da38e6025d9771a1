"""Normalisation: shift and scale values so that their mean is 0 and their variance 1, then learn what they should be.

The four kinds differ in what is averaged over: `batch_norm` each channel over the batch and its pixels, `layer_norm`
the last axes of each sample, `group_norm` groups of channels of each sample, `instance_norm` each channel of each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minipose.autograd import Function, is_grad_enabled, is_recomputing
from minipose.checks import check_flag, check_integer, check_number, is_integer, letters
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import check_float_tensor, check_per_channel, check_tensor
from minipose.tensor import Tensor


class BatchNorm(Function):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, where mean and var are those of x over N, H and W.

    With x' = (x - mean) r, r = 1 / sqrt(var + eps) and m = N H W: a change of one x moves mean by 1/m and var by
    2 (x - mean) / m, hence

        grad_x = weight r (grad - mean(grad) - x' mean(grad x')),  grad_weight = sum(grad x'),  grad_bias = sum(grad)

    (Ioffe & Szegedy 2015, section 3). Where the backward is itself to be differentiated, it is this formula in
    Tensors, with mean and r as functions of x; else one kernel computes the same.
    """

    name = "batch_norm"

    def forward(self, x: Array, weight: Array, bias: Array, mean: Array, var: Array, eps: float) -> Array:
        self.eps = eps
        self.save_inputs(0, 1)
        self.save(mean, var)
        return kernels_of(x).batch_norm(x, mean, var, weight, bias, eps)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_inputs
        if not is_grad_enabled():
            mean, var = self.saved
            grads = kernels_of(x.data).batch_norm_grad(grad.data, x.data, mean, var, weight.data, self.eps)
            return tuple(Tensor(g) for g in grads)
        axes = (0, 2, 3)
        deviation = x - x.mean(axes, keepdim=True)
        rstd = ((deviation * deviation).mean(axes, keepdim=True) + self.eps) ** -0.5
        normalised = deviation * rstd
        centred = grad - grad.mean(axes, keepdim=True) - normalised * (grad * normalised).mean(axes, keepdim=True)
        return centred * rstd * weight.reshape(1, -1, 1, 1), (grad * normalised).sum(axes), grad.sum(axes)


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


def _per_channel(values: Tensor, ndim: int) -> Tensor:
    """Return values (C,) in a shape that broadcasts over (N, C, ...)."""
    return values.reshape(1, -1, *(1,) * (ndim - 2))


def _shape(input: Tensor) -> str:
    return f"({letters(input.shape, 'N C H W')})" if input.ndim == 4 else str(input.shape)


def _check(name: str, input: Tensor, eps: float, per_channel: dict[str, Tensor | None], use: str = "") -> None:
    """Check what batch_norm, group_norm and instance_norm share; `use` is the option by which running statistics are
    used, if they are."""
    check_float_tensor(name, "input", input)
    if input.ndim < 2:
        raise ValueError(f"{name}: input must have two axes N C or more, not shape {input.shape}")
    check_number(name, "eps", eps, 0)
    for argument, value in per_channel.items():
        if value is None:
            continue
        check_per_channel(name, argument, value, input.shape[1], input, "C")
        if argument.startswith("running") and value.requires_grad:
            raise ValueError(f"{name}: {argument} must not require a gradient: none flows to it")
    missing = [a for a in ("running_mean", "running_var") if per_channel.get(a, input) is None]
    if use and missing:
        raise ValueError(f"{name}: running_mean and running_var are needed when {use}")
    if len(missing) == 1:
        raise ValueError(f"{name}: {missing[0]} is missing: give running_mean and running_var both or neither")


def _move(running: Tensor | None, statistic: Array, momentum: float) -> None:
    # Not by checkpoint's second run of the same batch.
    if running is not None and not is_recomputing():
        running.data += momentum * (statistic - running.data)


def _with_running(
    input: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Normalise by given statistics: a scale and a shift for each channel."""
    # What backward needs of the statistics is in new arrays, so a later training step may move them.
    scale = (var + eps) ** -0.5
    scale = scale if weight is None else weight * scale
    shift = -mean * scale if bias is None else -mean * scale + bias
    return input * _per_channel(scale, input.ndim) + _per_channel(shift, input.ndim)


def _affine(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    result = input if weight is None else input * _per_channel(weight, input.ndim)
    return result if bias is None else result + _per_channel(bias, input.ndim)


def _normalise(input: Tensor, rows: int, eps: float) -> Tensor:
    """Return the input, cut into so many rows, with each of them normalised."""
    if not input.numel():
        return input
    return Normalise.apply(input.reshape(rows, -1), eps=eps).reshape(input.shape)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel, as `torch.nn.functional.batch_norm` (Ioffe & Szegedy 2015).

    In training the statistics are the batch's own, over N and all axes after C, with the biased variance; the running
    ones are moved by `momentum` towards them, the running variance towards the unbiased one (divided by the number of
    values - 1), which is torch's convention. Otherwise the running statistics are used.

    Parameters
    ----------
    input : (N, C), (N, C, L), (N, C, H, W) or more axes
    running_mean, running_var : (C,), changed in place in training; may be None in training
    weight, bias : (C,), optional
    training : bool
    momentum : float, from 0 to 1
    eps : float, added to the variance; positive in training

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, statistics are missing, or a channel has a single value in training.
    """
    name = "batch_norm"
    check_flag(name, "training", training)
    check_number(name, "momentum", momentum, 0, 1)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check(name, input, eps, given, "" if training else "training=False")
    if not training:
        return _with_running(input, running_mean, running_var, weight, bias, eps)
    if eps == 0:
        raise ValueError(f"{name}: eps must be positive in training, not {eps}")
    N, C = input.shape[:2]
    count = N * math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"{name}: training needs more than one value per channel, not input {_shape(input)}")
    if not input.numel():
        return _affine(input, weight, bias)
    image = input if input.ndim == 4 else input.reshape(N, C, count // N, 1)
    module = array_module(input.data)
    weight = Tensor(module.ones(C, input.dtype)) if weight is None else weight
    bias = Tensor(module.zeros(C, input.dtype)) if bias is None else bias
    mean, var = kernels_of(image.data).batch_statistics(image.data)
    _move(running_mean, mean, momentum)
    _move(running_var, var * (count / (count - 1)), momentum)
    return BatchNorm.apply(image, weight, bias, mean=mean, var=var, eps=eps).reshape(input.shape)


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
    _check(name, input, eps, {"weight": weight, "bias": bias})
    check_integer(name, "num_groups", num_groups, 1)
    N, C = input.shape[:2]
    if C % num_groups:
        raise ValueError(f"{name}: num_groups={num_groups} does not divide the {C} channels of input {_shape(input)}")
    if input.numel() == num_groups:
        raise ValueError(f"{name}: needs more than one value per group, not input {_shape(input)}")
    return _affine(_normalise(input, N * num_groups, eps), weight, bias)


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
    _check(name, input, eps, given, "" if use_input_stats else "use_input_stats=False")
    if not use_input_stats:
        return _with_running(input, running_mean, running_var, weight, bias, eps)
    N, C = input.shape[:2]
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"{name}: needs more than one value per channel and sample, not input {_shape(input)}")
    if running_mean is not None and input.numel():
        samples = input.data.reshape(N, C, count)
        _move(running_mean, samples.mean(axis=(0, 2)), momentum)
        _move(running_var, samples.var(axis=2).mean(axis=0) * (count / (count - 1)), momentum)
    return _affine(_normalise(input, N * C, eps), weight, bias)
