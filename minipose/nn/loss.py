"""Losses as layers: `loss(input, target)`. What they compute is said at the function of the same name in ops."""

from __future__ import annotations

from minipose.checks import check_choice, check_flag, check_integer, check_number
from minipose.nn.module import Module
from minipose.ops import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from minipose.ops.checks import check_float_tensor
from minipose.tensor import Tensor


class _Loss(Module):
    """A loss with a `reduction`, which says whether to average the losses of all entries, add them, or return each.

    Weights are buffers, so they are moved by `to` and stand in the state.
    """

    reductions = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_choice(type(self).__name__, "reduction", reduction, self.reductions)
        self.reduction = reduction

    def _add_weight(self, argument: str, weight: Tensor | None) -> None:
        if weight is not None:
            check_float_tensor(type(self).__name__, argument, weight)
        self.register_buffer(argument, weight)


class MSELoss(_Loss):
    """The squared difference; see `mse_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """The absolute difference; see `l1_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """A parabola for differences below `beta`, lines beyond; see `smooth_l1_loss`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        check_number("SmoothL1Loss", "beta", beta, 0)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """A parabola for differences below `delta`, lines beyond; see `huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        check_number("HuberLoss", "delta", delta, 0)
        if delta == 0:
            raise ValueError("HuberLoss: delta must be positive, not 0")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return huber_loss(input, target, self.reduction, self.delta)


class NLLLoss(_Loss):
    """Minus the logarithm of the probability of the target's class; see `nll_loss`."""

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._add_weight("weight", weight)
        check_integer(type(self).__name__, "ignore_index", ignore_index)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(NLLLoss):
    """The cross entropy of softmax(input) and classes or probabilities; see `cross_entropy`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        check_number("CrossEntropyLoss", "label_smoothing", label_smoothing, 0, 1)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCELoss(_Loss):
    """The binary cross entropy of probabilities; see `binary_cross_entropy`."""

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._add_weight("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """The binary cross entropy of sigmoid(input); see `binary_cross_entropy_with_logits`."""

    def __init__(
        self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(reduction)
        self._add_weight("weight", weight)
        self._add_weight("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence; see `kl_div`, also for its reduction "batchmean"."""

    reductions = ("mean", "batchmean", "sum", "none")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        check_flag("KLDivLoss", "log_target", log_target)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return kl_div(input, target, self.reduction, self.log_target)
