"""Losses for classes: the target is the number of a class, or a probability for each."""

from __future__ import annotations

from minipose.checks import OutOfRange, check_integer, check_number
from minipose.kernels import Array, array_module, device_of
from minipose.ops.checks import check_float_tensor, check_per_channel, check_tensor
from minipose.ops.loss import Keep, check_reduction
from minipose.ops.softmax import log_softmax
from minipose.tensor import Tensor


def _check(name: str, input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, ignore_index: int) -> int:
    """Check what both losses share, and return the axis of the classes."""
    check_float_tensor(name, "input", input)
    check_tensor(name, "target", target)
    check_reduction(name, reduction)
    check_integer(name, "ignore_index", ignore_index)
    axis = 0 if input.ndim == 1 else 1
    if input.ndim == 0 or input.shape[axis] == 0:
        raise ValueError(f"{name}: input must be (C,), (N, C) or (N, C, d1, ...) with C at least 1, not {input.shape}")
    if input.device != target.device:
        raise ValueError(f"{name}: input is on {input.device!r} but target on {target.device!r}; move one with .to()")
    if weight is not None:
        check_per_channel(name, "weight", weight, input.shape[axis], input, "C")
    return axis


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None, axis: int) -> None:
    expected = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != expected:
        raise ValueError(
            f"{name}: input has shape {input.shape} with C={input.shape[axis]}, so target must have shape {expected}, "
            f"not {target.shape}: broadcasting would compare every entry with every other"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: target of shape {target.shape} must hold classes as integers, not {target.dtype}")
    if weight is not None and weight.requires_grad:
        raise ValueError(f"{name}: weight must not require a gradient: none flows to it")


def _out_of_range(name: str, classes: Array, C: int, ignored: Array) -> Array:
    wrong = ((classes < 0) | (classes >= C)) & ~ignored
    if device_of(classes) == "cpu" and wrong.any():
        raise OutOfRange(f"{name}: target holds class {classes[wrong].ravel()[0]}, but there are C={C}, 0..{C - 1}")
    return wrong


def _negative_log(
    name: str, log: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, axis: int, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Return the loss of each target, and what each counts in the mean.

    With label smoothing a share of the target's probability is spread evenly over all classes (Szegedy et al. 2016).
    """
    module, C = array_module(log.data), log.shape[axis]
    classes = target.data.astype("int64")
    ignored = classes == ignore_index
    wrong = _out_of_range(name, classes, C, ignored)
    counts = module.ones(classes.shape, log.dtype)
    if weight is not None:
        counts = module.take(weight.data, module.where(ignored | wrong, 0, classes))
    counts = module.where(ignored, log.dtype.type(0), counts)
    # On a GPU a wrong class is not waited for, but its loss is NaN.
    counts = Tensor(module.asarray(module.where(wrong, log.dtype.type("nan"), counts)))
    along = (*log.shape[:axis], 1, *log.shape[axis + 1 :])
    every = module.arange(C).reshape([C if i == axis else 1 for i in range(log.ndim)])
    is_target = (every == classes.reshape(along)) & ~ignored.reshape(along)
    loss = -Keep.apply(log, mask=is_target).sum(axis) * counts
    if smoothing:
        weighted = log if weight is None else log * weight.reshape(every.shape)
        spread = -Keep.apply(weighted.sum(axis), mask=~ignored)
        loss = loss * (1 - smoothing) + spread * (smoothing / C)
    return loss, counts


def _reduced(loss: Tensor, counts: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    return loss.sum() / counts.sum() if reduction == "mean" else loss.sum()


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Return minus the input's entry at each target's class, as `torch.nn.functional.nll_loss`.

    Parameters
    ----------
    input : (C,), (N, C) or (N, C, d1, ...)
        Logarithms of probabilities, as from `log_softmax`.
    target : (), (N,) or (N, d1, ...)
        Classes 0..C-1, integers.
    weight : (C,), optional
        What each class counts; the mean is then the weighted one.
    ignore_index : int
        A class that counts nothing; need not be in 0..C-1. Default -100. Where all are ignored the mean is NaN.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    OutOfRange
        If there is no such class; on a GPU, where that is known later only, its loss is NaN.
    ValueError, TypeError
        If shapes or dtypes do not fit.
    """
    name = "nll_loss"
    axis = _check(name, input, target, weight, reduction, ignore_index)
    _check_classes(name, input, target, weight, axis)
    return _reduced(*_negative_log(name, input, target, weight, ignore_index, axis, 0.0), reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross entropy of softmax(input) and the target, as `torch.nn.functional.cross_entropy`.

    Parameters
    ----------
    input : (C,), (N, C) or (N, C, d1, ...)
        Any numbers; the softmax is taken here.
    target : (), (N,) or (N, d1, ...) with classes 0..C-1, integers, or of the input's shape with probabilities
    weight : (C,), optional
        What each class counts; for classes, the mean is then the weighted one.
    ignore_index : int
        A class that counts nothing; need not be in 0..C-1. Default -100. Where all are ignored the mean is NaN.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        The share of the target that is spread evenly over all classes, from 0 to 1. Default 0.

    Raises
    ------
    OutOfRange
        If there is no such class; on a GPU, where that is known later only, its loss is NaN.
    ValueError, TypeError
        If shapes or dtypes do not fit.
    """
    name = "cross_entropy"
    axis = _check(name, input, target, weight, reduction, ignore_index)
    check_number(name, "label_smoothing", label_smoothing, 0, 1)
    probabilities = target.shape == input.shape
    if not probabilities:
        _check_classes(name, input, target, weight, axis)
    log = log_softmax(input, axis)
    if not probabilities:
        return _reduced(*_negative_log(name, log, target, weight, ignore_index, axis, label_smoothing), reduction)
    if target.dtype.kind != "f":
        raise TypeError(f"{name}: target has the input's shape, so it must hold probabilities, not {target.dtype}")
    if ignore_index >= 0:
        raise ValueError(f"{name}: ignore_index={ignore_index} is for a target of classes, not of probabilities")
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[axis]
    if weight is not None:
        target = target * weight.reshape([-1 if i == axis else 1 for i in range(input.ndim)])
    loss = -(log * target).sum(axis)
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()
