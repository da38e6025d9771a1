"""Batch normalisation, alone or with the addition and the rectifier that follow it in a residual block."""

from __future__ import annotations

import math

from minipose.autograd import Function, is_grad_enabled, is_recomputing
from minipose.checks import check_flag, check_number, letters
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.activation import ReLUGrad, relu
from minipose.ops.checks import check_float_tensor, check_per_channel, check_tensor
from minipose.tensor import Tensor


class BatchNorm(Function):
    """y = (x - mean) / sqrt(var + eps) * weight + bias; then + other, where there is one; then max(_, 0), if relu;
    then min(_, ceiling), unless that is NaN.

    With x' = (x - mean) r, r = 1 / sqrt(var + eps) and m = N H W:

        grad_weight = sum(grad x'),  grad_bias = sum(grad),  grad_x = weight r grad

    the last for given statistics. Where mean and var are those of x over N, H and W, a change of one x also moves mean
    by 1/m and var by 2 (x - mean) / m, hence (Ioffe & Szegedy 2015, section 3)

        grad_x = weight r (grad - mean(grad) - x' mean(grad x'))

    grad being what came down, where the rectifier let y pass, and grad_other = grad. Where the backward is itself to
    be differentiated, it is these formulas in Tensors, with mean and r as functions of x; else one kernel computes
    the same.
    """

    name = "batch_norm"
    fresh_gradients = True

    def forward(
        self, x: Array, weight: Array, bias: Array, other: Array | None,
        mean: Array, var: Array, eps: float, of_batch: bool, relu: bool, ceiling: float,
    ) -> Array:  # fmt: skip
        self.eps, self.of_batch, self.relu, self.ceiling = eps, of_batch, relu, ceiling
        self.save_inputs(0, 1, 2)
        self.save(mean, var)
        if relu:
            self.save_output()
        return kernels_of(x).batch_norm(x, mean, var, weight, bias, eps, other, relu, ceiling)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x, weight, bias), (mean, var), relu = self.saved_inputs, self.saved, self.relu
        differentiable = is_grad_enabled()
        if relu and (wanted[3] or differentiable or not self.of_batch):
            y = self.saved_output.data
            y = y if math.isnan(self.ceiling) else y * (y < self.ceiling)  # 0 lets nothing through
            grad, relu = ReLUGrad.apply(grad, y=y), False
        if self.of_batch and not differentiable:
            grads = kernels_of(x.data).batch_norm_grad(
                grad.data, x.data, mean, var, weight.data, bias.data, self.eps, relu, self.ceiling if relu else math.nan
            )
            return *(Tensor(g) for g in grads), grad
        axes = (0, 2, 3)
        if not self.of_batch:
            rstd = per_channel(Tensor((var + self.eps) ** -0.5), 4)
            normalised = (x - per_channel(Tensor(mean), 4)) * rstd
            return grad * (rstd * per_channel(weight, 4)), (grad * normalised).sum(axes), grad.sum(axes), grad
        deviation = x - x.mean(axes, keepdim=True)
        rstd = ((deviation * deviation).mean(axes, keepdim=True) + self.eps) ** -0.5
        normalised = deviation * rstd
        centred = grad - grad.mean(axes, keepdim=True) - normalised * (grad * normalised).mean(axes, keepdim=True)
        return centred * rstd * per_channel(weight, 4), (grad * normalised).sum(axes), grad.sum(axes), grad


def per_channel(values: Tensor, ndim: int) -> Tensor:
    """Return values (C,) in a shape that broadcasts over (N, C, ...)."""
    return values.reshape(1, -1, *(1,) * (ndim - 2))


def image_shape(input: Tensor) -> str:
    """Return the input's shape as an error message shows it."""
    return f"({letters(input.shape, 'N C H W')})" if input.ndim == 4 else str(input.shape)


def check_normalisation(name: str, input: Tensor, eps: float, given: dict[str, Tensor | None], use: str = "") -> None:
    """Check what batch_norm, group_norm and instance_norm share; `use` is the option by which running statistics are
    used, if they are."""
    check_float_tensor(name, "input", input)
    if input.ndim < 2:
        raise ValueError(f"{name}: input must have two axes N C or more, not shape {input.shape}")
    check_number(name, "eps", eps, 0)
    for argument, value in given.items():
        if value is None:
            continue
        check_per_channel(name, argument, value, input.shape[1], input, "C")
        if argument.startswith("running") and value.requires_grad:
            raise ValueError(f"{name}: {argument} must not require a gradient: none flows to it")
    missing = [a for a in ("running_mean", "running_var") if given.get(a, input) is None]
    if use and missing:
        raise ValueError(f"{name}: running_mean and running_var are needed when {use}")
    if len(missing) == 1:
        raise ValueError(f"{name}: {missing[0]} is missing: give running_mean and running_var both or neither")


def move_running(running: Tensor | None, statistic: Array, momentum: float) -> None:
    """Move a running statistic by `momentum` towards that of a batch."""
    # Not by checkpoint's second run of the same batch.
    if running is not None and not is_recomputing():
        running.data += momentum * (statistic - running.data)


def affine(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return input * weight + bias, channel by channel; both may be missing."""
    result = input if weight is None else input * per_channel(weight, input.ndim)
    return result if bias is None else result + per_channel(bias, input.ndim)


def normalise_channels(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    statistics: tuple[Array, Array],
    eps: float,
    of_batch: bool,
    other: Tensor | None = None,
    relu: bool = False,
    ceiling: float = math.nan,
) -> Tensor:
    """Return `BatchNorm` of an input with any number of axes, one entry or more; weight and bias may be missing."""
    N, C = input.shape[:2]
    weight = Tensor(array_module(input.data).ones(C, input.dtype)) if weight is None else weight
    bias = Tensor(array_module(input.data).zeros(C, input.dtype)) if bias is None else bias
    image = input if input.ndim == 4 else input.reshape(N, C, -1, 1)
    if other is not None and input.ndim != 4:
        other = other.reshape(image.shape)
    mean, var = statistics
    options = {"mean": mean, "var": var, "eps": eps, "of_batch": of_batch, "relu": relu, "ceiling": ceiling}
    result = BatchNorm.apply(image, weight, bias, other, **options)
    return result if input.ndim == 4 else result.reshape(input.shape)


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
    return _batch_norm("batch_norm", input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_relu(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    other: Tensor | None = None,
    six: bool = False,
) -> Tensor:
    """Return relu(batch_norm(input, ...) + other) in one operation, which reads and writes memory half as often.

    Parameters
    ----------
    input, running_mean, running_var, weight, bias, training, momentum, eps : as for `batch_norm`
    other : of the input's shape and dtype, optional
        What a residual block adds before the rectifier.
    six : bool
        Whether the rectifier is relu6. Default False.

    Raises
    ------
    ValueError, TypeError
        As `batch_norm`; and if `other` does not fit the input.
    """
    name = "batch_norm_relu"
    check_flag(name, "six", six)
    if other is not None:
        check_tensor(name, "other", other)
        if other.shape != input.shape:
            raise ValueError(f"{name}: other has shape {other.shape}, not that of input {image_shape(input)}")
        if other.dtype != input.dtype:
            raise TypeError(f"{name}: other is {other.dtype} but input {input.dtype}; convert one with .to()")
    arguments = (input, running_mean, running_var, weight, bias, training, momentum, eps, other)
    return _batch_norm(name, *arguments, True, 6.0 if six else math.nan)


def _batch_norm(
    name: str,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    other: Tensor | None = None,
    rectify: bool = False,
    ceiling: float = math.nan,
) -> Tensor:
    check_flag(name, "training", training)
    check_number(name, "momentum", momentum, 0, 1)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_normalisation(name, input, eps, given, "" if training else "training=False")
    count = input.shape[0] * math.prod(input.shape[2:])
    if training and eps == 0:
        raise ValueError(f"{name}: eps must be positive in training, not {eps}")
    if training and count == 1:
        raise ValueError(f"{name}: training needs more than one value per channel, not input {image_shape(input)}")
    if not input.numel():
        result = affine(input, weight, bias)
        result = result if other is None else result + other
        return relu(result) if rectify else result
    if not training:
        # Copies: a later training step may move the running statistics before backward needs them.
        statistics = running_mean.data.copy(), running_var.data.copy()
    else:
        image = input.data if input.ndim == 4 else input.data.reshape(*input.shape[:2], -1, 1)
        statistics = kernels_of(image).batch_statistics(image)
        move_running(running_mean, statistics[0], momentum)
        move_running(running_var, statistics[1] * (count / (count - 1)), momentum)
    return normalise_channels(input, weight, bias, statistics, eps, training, other, rectify, ceiling)
