"""A schedule that follows a score."""

from __future__ import annotations

import math
from typing import Any

from minipose.checks import check_choice, check_number
from minipose.optim.optimizer import Optimizer
from minipose.optim.schedule import HUGE, LRScheduler, check_optimizer, per_group


class ReduceLROnPlateau(LRScheduler):
    """Multiply the learning rate by `factor` when a score has not become better for some time, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    mode : "min" or "max"
        Whether a smaller or a larger score is better. Default "min".
    factor : float
        From 0 to below 1. Default 0.1.
    patience : int
        How many steps without improvement are let pass. Default 10.
    threshold : float
        How much better than the best a score must be to count. Default 1e-4.
    threshold_mode : "rel" or "abs"
        Whether the threshold is a fraction of the best score. Default "rel".
    cooldown : int
        For how many steps after a reduction nothing is counted. Default 0.
    min_lr : float, or a list of one for each group
        Default 0.
    eps : float
        A reduction by less than that is left out. Default 1e-8.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = per_group(name, "min_lr", min_lr, len(optimizer.param_groups))
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else float(min_lr)
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best, self.cooldown_counter, self.num_bad_epochs, self.last_epoch = self.mode_worse, 0, 0, 0
        self.check_options()
        self._last_lr = self._rates()

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        name = type(self).__name__
        check_choice(name, "mode", self.mode, ("min", "max"))
        check_choice(name, "threshold_mode", self.threshold_mode, ("rel", "abs"))
        self.need_numbers(0, math.nextafter(1.0, 0.0), "factor")
        self.need_numbers(-HUGE, HUGE, "threshold")
        self.need_numbers(0, HUGE, "eps")
        self.need_integers(0, "patience", "cooldown", "cooldown_counter", "num_bad_epochs")
        check_number(name, "best", self.best)

    def step(self, metrics: Any) -> None:
        """Take note of a score, and reduce the learning rates if it is time.

        Parameters
        ----------
        metrics : number, or a Tensor or array of one entry

        Raises
        ------
        ValueError, TypeError
            If `metrics` is something else.
        """
        score = self._score(metrics)
        self.last_epoch += 1
        if self._is_better(score):
            self.best, self.num_bad_epochs = score, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._rates()

    def _score(self, metrics: Any) -> float:
        name = type(self).__name__
        if isinstance(metrics, (bool, str, bytes)) or not hasattr(metrics, "__float__"):
            raise TypeError(f"{name}.step: metrics must be a number, not {metrics!r}")
        try:
            return float(metrics)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name}.step: metrics must be one number: {error}") from None

    def _is_better(self, score: float) -> bool:
        relative = self.threshold_mode == "rel"
        if self.mode == "min":
            return score < (self.best * (1 - self.threshold) if relative else self.best - self.threshold)
        return score > (self.best * (1 + self.threshold) if relative else self.best + self.threshold)

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups):
            if self.default_min_lr is None:
                raise ValueError(
                    f"{type(self).__name__}: the optimiser has {len(groups)} groups now, but there are "
                    f"{len(self.min_lrs)} values of min_lr"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs, strict=True):
            reduced = max(group["lr"] * self.factor, least)
            if group["lr"] - reduced > self.eps:
                group["lr"] = reduced
