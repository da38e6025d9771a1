"""The 1cycle schedule."""

from __future__ import annotations

import math
from typing import Any

from minipose.checks import check_choice, check_flag, check_integer, check_number
from minipose.optim.optimizer import Optimizer, plain
from minipose.optim.schedule import HUGE, LRScheduler, check_optimizer, per_group

PHASE = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")


class OneCycleLR(LRScheduler):
    """Rise from max_lr / div_factor to max_lr, then fall far below the start (Smith & Topin 2018), as torch's.

    The momentum, or Adam's first beta, goes the other way: down to `base_momentum` and back to `max_momentum`.

    Parameters
    ----------
    optimizer : Optimizer
        The learning rates that its groups have are replaced.
    max_lr : float, or a list of one for each group
    total_steps : int, optional
        Default: epochs * steps_per_epoch.
    epochs, steps_per_epoch : int, optional
        Needed without `total_steps`.
    pct_start : float
        The part of all steps in which the rate rises. Default 0.3.
    anneal_strategy : "cos" or "linear"
        The shape of the way up and down. Default "cos".
    cycle_momentum : bool
        Default True.
    base_momentum, max_momentum : float, or a list of one for each group
        Default 0.85 and 0.95.
    div_factor : float
        max_lr by the first rate. Default 25.
    final_div_factor : float
        The first rate by the last. Default 1e4.
    three_phase : bool
        Whether to fall as long as it rose, back to the first rate, and from there to the last. Default False.
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or the optimiser has no momentum to cycle; in `step`, beyond the last step.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        check_flag(name, "three_phase", three_phase)
        check_integer(name, "last_epoch", last_epoch, -1)
        if not isinstance(pct_start, float):
            raise TypeError(f"{name}: pct_start must be a float, not {pct_start!r}")
        check_number(name, "pct_start", pct_start, 0, 1)
        for option, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            check_number(name, option, plain(value), 1 / HUGE, HUGE)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(f"{name}: give total_steps, or epochs and steps_per_epoch")
            check_integer(name, "epochs", epochs, 1)
            check_integer(name, "steps_per_epoch", steps_per_epoch, 1)
            total_steps = epochs * steps_per_epoch
        self.optimizer, self.total_steps, self.cycle_momentum = optimizer, total_steps, cycle_momentum
        self.need_integers(1, "total_steps")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        self.check_options()
        count = len(optimizer.param_groups)
        rates = per_group(name, "max_lr", max_lr, count)
        highest = 1.0 if self._momentum_option() == "momentum" else math.nextafter(1.0, 0.0)
        momenta = [
            per_group(name, option, value, count, 0, highest)
            for option, value in (("base_momentum", base_momentum), ("max_momentum", max_momentum))
        ]
        if last_epoch == -1:
            for group, rate, low, high in zip(optimizer.param_groups, rates, *momenta, strict=True):
                group.update(initial_lr=rate / plain(div_factor), max_lr=rate)
                group["min_lr"] = group["initial_lr"] / plain(final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=low, max_momentum=high)
        super().__init__(optimizer, last_epoch)

    def _momentum_option(self) -> str:
        return "betas" if "betas" in self.optimizer.defaults else "momentum"

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        name = type(self).__name__
        self.need_integers(1, "total_steps")
        check_choice(name, "anneal_strategy", self._anneal_func_type, ("cos", "linear"))
        check_flag(name, "cycle_momentum", self.cycle_momentum)
        if self.cycle_momentum and self._momentum_option() not in self.optimizer.defaults:
            raise ValueError(f"{name}: cycle_momentum needs an optimiser with momentum or betas")
        phases = self._schedule_phases
        if not isinstance(phases, list) or not all(isinstance(p, dict) and {*p} == {*PHASE} for p in phases or [None]):
            raise TypeError(f"{name}: _schedule_phases must be a list of dicts of {', '.join(PHASE)}, not {phases!r}")
        if phases[0]["end_step"] == 0:
            raise ValueError(f"{name}: a rise of one step has no length; choose another pct_start")

    def get_lr(self) -> list[float]:
        """Return the learning rates between the ends of the phase, and set the momenta that belong to them."""
        name, step, start = type(self).__name__, self.last_epoch, 0.0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if step <= end or phase is self._schedule_phases[-1]:
                break
            start = end
        if step > self.total_steps or end == start:
            raise ValueError(f"{name}: there are {self.total_steps} steps in all, so there is no step {step}")
        part = (step - start) / (end - start)
        for i, group in enumerate(self.optimizer.param_groups):
            missing = {key for key in phase.values() if isinstance(key, str)} - set(group)
            if missing - {"base_momentum", "max_momentum"} or (missing and self.cycle_momentum):
                raise ValueError(f"{name}: group {i} of the optimiser has no {', '.join(sorted(missing))}")
        for group in self.optimizer.param_groups if self.cycle_momentum else []:
            momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
            if self._momentum_option() == "betas":
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum
        return [self._between(g[phase["start_lr"]], g[phase["end_lr"]], part) for g in self.optimizer.param_groups]

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)
        return start + (end - start) * part


def _phases(pct_start: float, total_steps: int, three_phase: bool) -> list[dict[str, Any]]:
    """Return the phases as torch saves them: the last step of each, and between which options of a group it goes."""
    rise, last = pct_start * total_steps, total_steps - 1
    phases = [(rise - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
    if three_phase:
        phases.append((2 * rise - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
        phases.append((last, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
    else:
        phases.append((last, "max_lr", "min_lr", "base_momentum", "max_momentum"))
    return [dict(zip(PHASE, phase, strict=True)) for phase in phases]
