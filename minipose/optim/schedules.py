"""Learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

from minipose.ops.checks import is_integer
from minipose.optim.optimizer import Optimizer


class CosineWithWarmup:
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
    ValueError
        If a number is out of range.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup_steps: int = 0, final: float = 0.0) -> None:
        whole = is_integer(total_steps) and is_integer(warmup_steps)
        if not whole or total_steps < 1 or not 0 <= warmup_steps <= total_steps:
            raise ValueError(
                f"CosineWithWarmup: need integers total_steps >= 1 and 0 <= warmup_steps <= total_steps, "
                f"got total_steps={total_steps} and warmup_steps={warmup_steps}"
            )
        if not 0 <= final <= 1:
            raise ValueError(f"CosineWithWarmup: final must be a fraction from 0 to 1, got {final}")
        self.optimizer, self.total_steps, self.warmup_steps, self.final = optimizer, total_steps, warmup_steps, final
        self.base = [group["lr"] for group in optimizer.param_groups]
        self.last_step = 0
        self._set()

    def factor(self, step: int) -> float:
        """Return what the learning rate is multiplied by at `step`, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        progress = min(1.0, (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps))
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))

    def _set(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = base * self.factor(self.last_step)

    def step(self) -> None:
        """Go on to the next step's learning rate; call it after `optimizer.step()`."""
        self.last_step += 1
        self._set()

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the schedule and the learning rates that it scales."""
        return {"last_step": self.last_step, "base": list(self.base)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved position; the length of the schedule stays this one's."""
        if len(state["base"]) != len(self.base):
            raise ValueError(
                f"CosineWithWarmup: {len(state['base'])} groups were saved, but the optimiser has {len(self.base)}"
            )
        self.last_step, self.base = state["last_step"], list(state["base"])
        self._set()
