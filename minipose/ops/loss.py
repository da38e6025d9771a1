"""Losses between two tensors of one shape. None of them broadcasts: that would compare every entry with every other.

For classes, where a target is the number of one, see `minipose.ops.class_loss`.
"""

from __future__ import annotations

import math

import numpy as np

from minipose.autograd import Function
from minipose.checks import check_choice, check_flag, check_number
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import check_float_tensor
from minipose.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")
LOG_FLOOR = -100.0  # torch's: the logarithm of 0 counts as this
SPREAD_FLOOR = float(np.float32(1e-12))  # torch's, of x (1 - x)


class Keep(Function):
    """x where `mask` holds, else 0, whatever x is there: linear, and its own adjoint."""

    name = "keep"

    def forward(self, x: Array, mask: Array) -> Array:
        self.save(mask)
        return array_module(x).where(mask, x, x.dtype.type(0))

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (Keep.apply(grad, mask=self.saved[0]),)


class LogSigmoid(Function):
    """y = log(1 / (1 + exp(-x))), written so that nothing overflows. dy = (1 - sigmoid(x)) dx = sigmoid(-x) dx."""

    name = "log_sigmoid"

    def forward(self, x: Array) -> Array:
        self.save_inputs(0)
        module = array_module(x)
        return -(module.maximum(-x, 0) + module.log1p(module.exp(-abs(x))))

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (x,) = self.saved_inputs
        return (grad * (-x).sigmoid(),)


class BinaryCrossEntropy(Function):
    """y = -t log(x) - (1 - t) log(1 - x), so dy = (x - t) / (x (1 - x)) dx + (log(1 - x) - log(x)) dt.

    As in torch the logarithms are at least -100 in the value, and x (1 - x) is at least 1e-12 in the gradient.
    """

    name = "binary_cross_entropy"

    def forward(self, x: Array, target: Array) -> Array:
        self.save_inputs(0, 1)
        module = array_module(x)
        with np.errstate(divide="ignore"):
            yes, no = (module.maximum(log, LOG_FLOOR) for log in (module.log(x), module.log1p(-x)))
        return (target - 1) * no - target * yes

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        x, target = self.saved_inputs
        grad_x = grad_target = None
        if wanted[0]:
            spread = x * (1 - x)
            missing = array_module(x.data).maximum(SPREAD_FLOOR - spread.data, 0)
            grad_x = grad * (x - target) / (spread + Tensor(missing))
        if wanted[1]:
            grad_target = grad * ((1 - x).log() - x.log())
        return grad_x, grad_target


class SquaredError(Function):
    """y = factor sum (a - b)^2, so dy = 2 factor sum (a - b) (da - db)."""

    name = "squared_error"
    fresh_gradients = True

    def forward(self, a: Array, b: Array, factor: float) -> Array:
        self.factor = factor
        self.save_inputs(0, 1)
        return kernels_of(a).squared_error(a, b) * a.dtype.type(factor)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        (a, b), scale = self.saved_inputs, grad * (2 * self.factor)
        return (
            ScaledDifference.apply(a, b, scale) if wanted[0] else None,
            ScaledDifference.apply(b, a, scale) if wanted[1] else None,
        )


class ScaledDifference(Function):
    """y = (a - b) s for a number s: dy = s (da - db) + (a - b) ds."""

    name = "scaled_difference"

    def forward(self, a: Array, b: Array, scale: Array) -> Array:
        self.save_inputs(0, 1, 2)
        return kernels_of(a).scaled_difference(a, b, scale)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b, scale = self.saved_inputs
        grad_a = grad * scale
        return grad_a, -grad_a if wanted[1] else None, grad * (a - b) if wanted[2] else None


def check_reduction(name: str, reduction: str, choices: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise ValueError unless `reduction` is one of `choices`."""
    check_choice(name, "reduction", reduction, choices)


def _check_pair(name: str, input: Tensor, target: Tensor) -> None:
    check_float_tensor(name, "input", input)
    check_float_tensor(name, "target", target)
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input has shape {input.shape} but target has {target.shape}; they must agree, because "
            "broadcasting would compare every entry with every other"
        )
    if input.device != target.device:
        raise ValueError(f"{name}: input is on {input.device!r} but target on {target.device!r}; move one with .to()")


def _check_weight(name: str, argument: str, weight: Tensor | None, input: Tensor, stretches: bool) -> None:
    """Check a weight of the input's shape, or one that `stretches` to it."""
    if weight is None:
        return
    check_float_tensor(name, argument, weight)
    shape = (1,) * (input.ndim - weight.ndim) + weight.shape
    fits = len(shape) == input.ndim and all(n in (1, m) for n, m in zip(shape, input.shape, strict=True))
    if not (fits if stretches else weight.shape == input.shape):
        rule = "must broadcast to it" if stretches else "must agree"
        raise ValueError(f"{name}: input has shape {input.shape} but {argument} has {weight.shape}, which {rule}")
    if weight.dtype != input.dtype:
        raise TypeError(f"{name}: {argument} is {weight.dtype} but input {input.dtype}; convert one with .to()")
    if weight.device != input.device:
        raise ValueError(f"{name}: {argument} is on {weight.device!r} but input on {input.device!r}")
    if stretches and weight.requires_grad:
        raise ValueError(f"{name}: {argument} must not require a gradient, as in torch; use detach()")


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce a loss whose mean is a weighted one."""
    if weight is None:
        return _reduced(loss, reduction)
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduced(loss, reduction)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the squared difference, as `torch.nn.functional.mse_loss`, but never broadcast.

    Parameters
    ----------
    input, target : Tensors of one shape
    reduction : {"mean", "sum", "none"}
    weight : of the same shape, optional
        What each entry counts; the mean is then the weighted one.

    Raises
    ------
    ValueError
        If the shapes differ: (N, 1) against (N,) would silently compare all with all.
    """
    _check_pair("mse_loss", input, target)
    check_reduction("mse_loss", reduction)
    _check_weight("mse_loss", "weight", weight, input, False)
    if weight is None and reduction != "none" and input.dtype == target.dtype:
        factor = 1.0 if reduction == "sum" else 1 / input.numel() if input.numel() else math.nan
        return SquaredError.apply(input, target, factor=factor)
    difference = input - target
    return _weighted(difference * difference, weight, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the absolute difference, whose slope counts as 0 where it is 0; arguments and errors as `mse_loss`."""
    _check_pair("l1_loss", input, target)
    check_reduction("l1_loss", reduction)
    _check_weight("l1_loss", "weight", weight, input, False)
    return _weighted((input - target).abs(), weight, reduction)


def _huber(difference: Tensor, delta: float) -> Tensor:
    """Return e^2 / 2 for |e| < delta, else delta (|e| - delta / 2): c (e - c / 2), with c = e cut off at +-delta."""
    e = difference.data
    module = array_module(e)
    inside = abs(e) < delta
    outside = module.where(inside, e.dtype.type(0), module.maximum(module.minimum(e, delta), -delta))
    cut = Keep.apply(difference, mask=inside) + Tensor(module.asarray(outside))
    return cut * (difference - cut * 0.5)


def _within_float(value: float, input: Tensor) -> float:
    return min(float(value), float(np.finfo(input.dtype).max))


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return e^2 / (2 beta) where the difference e is smaller than beta, else abs(e) - beta / 2 (Girshick 2015).

    Parameters
    ----------
    input, target : Tensors of one shape
    reduction : {"mean", "sum", "none"}
    beta : float
        Where the parabola goes over into lines. Default 1; 0 makes this `l1_loss`.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ, or beta is negative.
    """
    _check_pair("smooth_l1_loss", input, target)
    check_reduction("smooth_l1_loss", reduction)
    check_number("smooth_l1_loss", "beta", beta, 0)
    if beta < float(np.finfo(input.dtype).tiny):
        return _reduced((input - target).abs(), reduction)
    beta = _within_float(beta, input)
    return _reduced(_huber(input - target, beta) / beta, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return e^2 / 2 where the difference e is smaller than delta, else delta (abs(e) - delta / 2) (Huber 1964).

    Parameters
    ----------
    input, target : Tensors of one shape
    reduction : {"mean", "sum", "none"}
    delta : float
        Where the parabola goes over into lines; positive. Default 1.
    weight : of the same shape, optional
        What each entry counts; the mean is divided by their number all the same, unlike that of `mse_loss`.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ, or delta is not positive.
    """
    _check_pair("huber_loss", input, target)
    check_reduction("huber_loss", reduction)
    check_number("huber_loss", "delta", delta, 0)
    if delta == 0:
        raise ValueError("huber_loss: delta must be positive, not 0")
    _check_weight("huber_loss", "weight", weight, input, False)
    loss = _huber(input - target, _within_float(delta, input))
    return _reduced(loss if weight is None else loss * weight, reduction)


def _check_probabilities(name: str, argument: str, value: Tensor) -> None:
    # On a GPU the answer would have to be waited for, so there it is not asked, as torch does not wait for it either.
    if value.device == "cpu" and not ((value.data >= 0) & (value.data <= 1)).all():
        raise ValueError(f"{name}: every entry of {argument} must be from 0 to 1")


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return -target log(input) - (1 - target) log(1 - input), as `torch.nn.functional.binary_cross_entropy`.

    For the result of a sigmoid rather use `binary_cross_entropy_with_logits`, which is accurate where this one has to
    cut off: its logarithms are at least -100.

    Parameters
    ----------
    input, target : Tensors of one shape and dtype, with entries from 0 to 1 (looked at on the CPU only)
    weight : broadcasts to that shape, optional
        What each entry counts; the mean is divided by their number all the same.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError, TypeError
        If the shapes or dtypes differ, or an entry is not from 0 to 1.
    """
    name = "binary_cross_entropy"
    _check_pair(name, input, target)
    check_reduction(name, reduction)
    if input.dtype != target.dtype:
        raise TypeError(f"{name}: input is {input.dtype} but target {target.dtype}; convert one with .to()")
    _check_weight(name, "weight", weight, input, True)
    _check_probabilities(name, "input", input)
    _check_probabilities(name, "target", target)
    loss = BinaryCrossEntropy.apply(input, target)
    return _reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return binary_cross_entropy(sigmoid(input), target), accurate for inputs of any size.

    With s = log sigmoid(input), and log sigmoid(-input) = s - input, it is (1 - target) input - s.

    Parameters
    ----------
    input, target : Tensors of one shape
    weight : broadcasts to that shape, optional
        What each entry counts; the mean is divided by their number all the same.
    reduction : {"mean", "sum", "none"}
    pos_weight : broadcasts to that shape, optional
        What the term -target s is multiplied with; more than 1 for positives that are rare.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ.
    """
    name = "binary_cross_entropy_with_logits"
    _check_pair(name, input, target)
    check_reduction(name, reduction)
    _check_weight(name, "weight", weight, input, True)
    _check_weight(name, "pos_weight", pos_weight, input, True)
    s = LogSigmoid.apply(input)
    if pos_weight is not None:
        s = s * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input - s
    return _reduced(loss if weight is None else loss * weight, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return target (log(target) - input), the Kullback-Leibler divergence from distributions given as logarithms.

    Parameters
    ----------
    input : the logarithms of the model's probabilities
    target : of the same shape, the true probabilities; one of 0 adds nothing, and 0 log 0 counts as flat there
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" divides by the length of the first axis only, which is the divergence as mathematics has it.
    log_target : bool
        Whether `target` holds logarithms too. Default False.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ.
    """
    _check_pair("kl_div", input, target)
    check_reduction("kl_div", reduction, ("mean", "batchmean", "sum", "none"))
    check_flag("kl_div", "log_target", log_target)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        zero = Tensor(array_module(target.data).asarray(target.data == 0).astype(target.dtype))
        loss = target * (target + zero).log() - target * input
    if reduction != "batchmean":
        return _reduced(loss, reduction)
    return loss.sum() / (input.shape[0] if input.ndim else 1)
