"""A cosine with warm-up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from minipose.optim.optimizer import Optimizer
from minipose.optim.schedule import LRScheduler


class CosineWithWarmup(LRScheduler):
    """Rise evenly to the optimiser's learning rate, then fall along half a cosine (Loshchilov & Hutter 2017, eq. 5).

    At step t of T, with w steps of warm-up, the learning rate is lr times

        (t + 1) / w                                               for t < w
        final + (1 - final) (1 + cos(pi (t - w) / (T - w))) / 2   from then on

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' "lr" are set at once, and after every `step`.
    total_steps : int
    warmup_steps : int
        Default 0.
    final : float
        Fraction of the learning rate that is left at the end. Default 0.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup_steps: int = 0, final: float = 0.0) -> None:
        self.total_steps, self.warmup_steps, self.final = total_steps, warmup_steps, final
        super().__init__(optimizer)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        self.need_integers(1, "total_steps")
        self.need_integers(0, "warmup_steps")
        self.need_numbers(0, 1, "final")
        if self.warmup_steps > self.total_steps:
            raise ValueError(
                f"CosineWithWarmup: warmup_steps must be at most total_steps, but "
                f"warmup_steps={self.warmup_steps} and total_steps={self.total_steps}"
            )

    def factor(self, step: int) -> float:
        """Return what the learning rate is multiplied by at `step`, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        progress = min(1.0, (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps))
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))

    def get_lr(self) -> list[float]:
        """Return base * factor(step)."""
        return [base * self.factor(self.last_epoch) for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the schedule and the learning rates that it scales."""
        return {"last_step": self.last_epoch, "base": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved position; the length of the schedule stays this one's."""
        state = state_dict if isinstance(state_dict, Mapping) else {}
        if not {"last_step", "base"} <= set(state):
            raise TypeError("CosineWithWarmup.load_state_dict: expected a dict with 'last_step' and 'base'")
        saved = {"last_epoch": state["last_step"], "base_lrs": state["base"]}
        super().load_state_dict({**vars(self), **saved})
        self._set(self.get_lr())
