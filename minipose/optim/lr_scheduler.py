"""Learning-rate schedules, under torch's name for the module. Call `step()` after `optimizer.step()`."""

from __future__ import annotations

import copy
import math
import types
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minipose.checks import check_integer, check_number, is_integer
from minipose.optim.one_cycle import OneCycleLR
from minipose.optim.optimizer import Optimizer, plain
from minipose.optim.plateau import ReduceLROnPlateau
from minipose.optim.schedule import HUGE, LRScheduler, check_optimizer, check_state
from minipose.optim.warmup import CosineWithWarmup
from minipose.tensor import Tensor

__all__ = [
    "CosineAnnealingLR", "CosineWithWarmup", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip


class StepLR(LRScheduler):
    """Multiply the learning rate by `gamma` every `step_size` steps, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float
        Default 0.1.
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        self.need_integers(1, "step_size")
        self.need_numbers(0, HUGE, "gamma")

    def get_lr(self) -> list[float]:
        """Return lr, or lr * gamma at each multiple of `step_size`."""
        drop = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return [lr * self.gamma if drop else lr for lr in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base * gamma ** (step // step_size)."""
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Multiply the learning rate by `gamma` at each of the milestones, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : list of ints
        Steps; one that is listed twice counts twice.
    gamma : float
        Default 0.1.
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = milestones, gamma
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        name, given = type(self).__name__, self.milestones
        if isinstance(given, Mapping) and all(str(step).isdecimal() for step in given):
            # as it is saved; JSON makes strings of the steps
            given = [int(step) for step, count in given.items() for _ in range(count)]
        if isinstance(given, (str, Mapping, Tensor)) or not isinstance(given, Iterable):
            raise TypeError(f"{name}: milestones must be a list of integers, not {given!r}")
        steps = list(given)
        for step in steps:
            check_integer(name, "each of milestones", step, 0)
        self.milestones = Counter(map(int, steps))
        self.need_numbers(0, HUGE, "gamma")

    def get_lr(self) -> list[float]:
        """Return lr, or at a milestone lr * gamma as often as it is listed."""
        return [lr * self.gamma ** self.milestones[self.last_epoch] for lr in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base * gamma ** (number of milestones so far)."""
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiply the learning rate by `gamma` at every step, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        self.need_numbers(0, HUGE, "gamma")

    def get_lr(self) -> list[float]:
        """Return lr * gamma."""
        return [lr if self._is_initial else lr * self.gamma for lr in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base * gamma ** step."""
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Go evenly from `start_factor` to `end_factor` times the learning rate, and stay there, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float
        Above 0, at most 1. Default 1/3.
    end_factor : float
        From 0 to 1. Default 1.
    total_iters : int
        How many steps it takes. Default 5.
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        self.need_numbers(0, 1, "start_factor", "end_factor")
        self.need_integers(1, "total_iters")
        if self.start_factor == 0:
            raise ValueError(f"{type(self).__name__}: start_factor must be above 0, or the rate would stay 0")

    def get_lr(self) -> list[float]:
        """Return lr times the factor of this step, divided by that of the step before."""
        if self.last_epoch == 0:
            return [lr * self.start_factor for lr in self._rates()]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        slope = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * slope
        return [lr * (1 + slope / before) for lr in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base times the factor of this step."""
        part = min(self.total_iters, self.last_epoch) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * part
        return [base * factor for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Fall along half a cosine to `eta_min` in `T_max` steps, then rise again (Loshchilov & Hutter 2017, eq. 5).

    As torch's.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
    eta_min : float
        Default 0.
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        self.need_integers(1, "T_max")
        self.need_numbers(0, HUGE, "eta_min")

    def _height(self, step: int) -> float:
        return (1 + math.cos(math.pi * step / self.T_max)) / 2

    def get_lr(self) -> list[float]:
        """Return what is above `eta_min` times the height of the cosine, divided by that of the step before."""
        if self._is_initial:
            return self._rates()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the height before was 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(self._rates(), self.base_lrs, strict=False)  # `_set` notices where groups have been added
            return [lr + (base - self.eta_min) * rise for lr, base in pairs]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [self.eta_min + (lr - self.eta_min) * ratio for lr in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return `eta_min` + (base - `eta_min`) * (1 + cos(pi step / T_max)) / 2."""
        return [self.eta_min + (base - self.eta_min) * self._height(self.last_epoch) for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """Multiply the initial learning rate by a function of the step, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : function of the step to a factor, or a list of one for each group
    last_epoch : int
        As for `LRScheduler`. Default -1.

    Raises
    ------
    ValueError, TypeError
        If there are not as many functions as groups, or one returns no finite number.
    """

    _not_saved = ("optimizer", "_is_initial", "lr_lambdas")

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(type(self).__name__, optimizer)
        several = isinstance(lr_lambda, (list, tuple))
        self.lr_lambdas = list(lr_lambda) if several else [lr_lambda] * len(optimizer.param_groups)
        super().__init__(optimizer, last_epoch)

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        name, groups = type(self).__name__, len(self.optimizer.param_groups)
        if not all(map(callable, self.lr_lambdas)):
            raise TypeError(f"{name}: lr_lambda must be a function, or a list of one for each group")
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"{name}: there are {len(self.lr_lambdas)} functions in lr_lambda, but {groups} groups")

    def get_lr(self) -> list[float]:
        """Return base * lr_lambda(step)."""
        factors = [plain(function(self.last_epoch)) for function in self.lr_lambdas]
        for factor in factors:
            check_number(type(self).__name__, f"the result of lr_lambda at {self.last_epoch}", factor, -HUGE, HUGE)
        return [base * factor for base, factor in zip(self.base_lrs, factors, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return the position, and the attributes of those functions that are objects of a class of their own."""
        plain = types.FunctionType
        kept = [None if isinstance(f, plain) else dict(getattr(f, "__dict__", {})) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`; plain functions are not saved and stay this schedule's."""
        name = f"{type(self).__name__}.load_state_dict"
        check_state(name, state_dict, {"lr_lambdas": None})
        kept = state_dict["lr_lambdas"]
        if not isinstance(kept, (list, tuple)) or len(kept) != len(self.lr_lambdas):
            raise ValueError(f"{name}: lr_lambdas must be a list of {len(self.lr_lambdas)}, not {kept!r}")
        super().load_state_dict(state_dict)
        for function, attributes in zip(self.lr_lambdas, kept, strict=True):
            if attributes:
                vars(function).update(attributes)


class SequentialLR(LRScheduler):
    """One schedule after the other, each beginning with the initial learning rate at its milestone, as torch's.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRSchedulers of this optimiser, other than ReduceLROnPlateau and SequentialLR
    milestones : list of ints
        The steps at which the second, third, ... schedule begins.
    last_epoch : int
        Default -1.

    Raises
    ------
    ValueError, TypeError
        If the schedules are others, or milestones do not increase or are not one fewer.
    """

    _not_saved = ("optimizer", "_is_initial", "_schedulers")

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        check_integer(name, "last_epoch", last_epoch, -1)
        self.optimizer, self._schedulers, self._milestones = optimizer, schedulers, milestones
        if not isinstance(schedulers, (list, tuple)) or not schedulers:
            raise TypeError(f"{name}: schedulers must be a list of schedules, not {schedulers!r}")
        for s in schedulers:
            if not isinstance(s, LRScheduler) or isinstance(s, (ReduceLROnPlateau, SequentialLR)):
                raise TypeError(f"{name}: a {type(s).__name__} cannot be one of several schedules; see LRScheduler")
            if s.optimizer is not optimizer:
                raise ValueError(f"{name}: a {type(s).__name__} is a schedule of another optimiser")
        self.check_options()
        self.last_epoch = int(last_epoch) + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for s in schedulers:  # takes back the step that its constructor took
            s.last_epoch -= 1
        schedulers[bisect_right(self._milestones, 0)]._initial_step()
        self._last_lr = self._rates()

    def check_options(self) -> None:
        """Raise where an option is out of range."""
        name, given, count = type(self).__name__, self._milestones, len(self._schedulers)
        if not isinstance(given, (list, tuple)) or not all(is_integer(m) and m >= 0 for m in given):
            raise TypeError(f"{name}: milestones must be a list of integers from 0 up, not {given!r}")
        if len(given) != count - 1 or sorted(given) != list(given):
            raise ValueError(f"{name}: milestones must be {count - 1} increasing integers, not {given!r}")
        self._milestones = list(map(int, given))

    def step(self) -> None:
        """Go on to the next step's learning rates; call it after `optimizer.step()`."""
        self.last_epoch += 1
        active = self._schedulers[bisect_right(self._milestones, self.last_epoch)]
        if self.last_epoch in self._milestones:
            active.restart()
        else:
            active.step()
        self._last_lr = self._rates()

    def state_dict(self) -> dict[str, Any]:
        """Return the position, and the states of all schedules."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`."""
        name = f"{type(self).__name__}.load_state_dict"
        check_state(name, state_dict, {"_schedulers": None})
        saved = state_dict["_schedulers"]
        if not isinstance(saved, (list, tuple)) or len(saved) != len(self._schedulers):
            raise ValueError(f"{name}: _schedulers must be a list of {len(self._schedulers)} states")
        for schedule, state in zip(self._schedulers, saved, strict=True):
            copy.copy(schedule).load_state_dict(state)  # refuses what does not fit before anything is changed
        super().load_state_dict(state_dict)
        for schedule, state in zip(self._schedulers, saved, strict=True):
            schedule.load_state_dict(state)
