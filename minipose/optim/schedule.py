"""What learning-rate schedules share."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from minipose.checks import check_integer, check_number
from minipose.optim.optimizer import Optimizer, plain

HUGE = sys.float_info.max


class LRScheduler:
    """Base of all schedules, as `torch.optim.lr_scheduler.LRScheduler`.

    A subclass sets its options, calls `super().__init__`, which takes the first step, and writes `get_lr`.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' "lr" are set at once, and after every `step`. What they are now is kept as "initial_lr".
    last_epoch : int
        The last step taken by an earlier schedule of this kind, whose work goes on; the groups must have an
        "initial_lr" then, as loaded ones do. Default -1, to begin.

    Attributes
    ----------
    base_lrs : the initial learning rate of each group
    last_epoch : the step that the schedule is at, counted from 0

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """

    _is_initial = False  # during the step that the constructor takes
    _not_saved: tuple[str, ...] = ("optimizer", "_is_initial")

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        check_integer(name, "last_epoch", last_epoch, -1)
        self.optimizer = optimizer
        self.check_options()
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(f"{name}: last_epoch is {last_epoch}, but group {i} has no initial_lr to go on from")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = int(last_epoch)
        self._initial_step()

    def _initial_step(self) -> None:
        self._is_initial = True
        self.step()
        self._is_initial = False

    def check_options(self) -> None:
        """Raise ValueError or TypeError where an option is out of range; every schedule writes its own."""

    def get_lr(self) -> list[float]:
        """Return the groups' learning rates at `last_epoch`, given those of the step before; every schedule writes it.

        They follow from those before, as in torch, so that a rate that was changed by hand, or by another schedule,
        is not forgotten.
        """
        raise NotImplementedError(f"{type(self).__name__}: get_lr is not written")

    def closed_form_lr(self) -> list[float]:
        """Return the groups' learning rates at `last_epoch`, given the initial ones."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """Return the learning rates that the last step set, one for each group."""
        return list(self._last_lr)

    def step(self) -> None:
        """Go on to the next step's learning rates; call it after `optimizer.step()`."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Go to step 0."""
        self.last_epoch = 0
        self._set(self.closed_form_lr())

    def _set(self, values: Sequence[float]) -> None:
        groups = self.optimizer.param_groups
        if len(values) != len(groups):
            raise ValueError(
                f"{type(self).__name__}: the optimiser has {len(groups)} groups now, but had {len(values)} before"
            )
        for group, value in zip(groups, values, strict=True):
            group["lr"] = float(value)
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return the position and the options; the learning rates themselves are in the optimiser's state."""
        return {key: value for key, value in vars(self).items() if key not in self._not_saved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in torch; load the optimiser's state, too.

        Raises
        ------
        ValueError, TypeError
            If something is missing or does not fit; then nothing has been changed.
        """
        name, own = f"{type(self).__name__}.load_state_dict", LRScheduler.state_dict(self)
        check_state(name, state_dict, own)
        changed = copy.copy(self)
        changed.__dict__.update({key: copy.copy(state_dict[key]) for key in own})
        check_integer(name, "last_epoch", changed.last_epoch)
        for key in {"base_lrs", "_last_lr"} & set(own):
            given = state_dict[key]
            if not isinstance(given, (list, tuple)) or len(given) != len(own[key]):
                raise ValueError(f"{name}: {key} must be a list for {len(own[key])} groups, not {given!r}")
            setattr(changed, key, per_group(name, key, given, len(own[key]), -HUGE))
        changed.check_options()
        self.__dict__.update(vars(changed))

    def need_integers(self, least: int, *options: str) -> None:
        """Raise unless these options are integers of at least `least`."""
        for option in options:
            check_integer(type(self).__name__, option, getattr(self, option), least)
            setattr(self, option, int(getattr(self, option)))  # of Python, which JSON can hold

    def need_numbers(self, low: float, high: float, *options: str) -> None:
        """Raise unless these options are numbers from `low` to `high`."""
        for option in options:
            setattr(self, option, plain(getattr(self, option)))
            check_number(type(self).__name__, option, getattr(self, option), low, high)


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer must be an Optimizer, not {type(optimizer).__name__}")


def check_state(name: str, state_dict: Any, own: Mapping[str, Any]) -> None:
    """Raise unless `state_dict` is a dict that has all keys of `own`."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{name}: expected a dict as state_dict returns, not {type(state_dict).__name__}")
    missing = sorted(set(own) - set(state_dict))
    if missing:
        raise ValueError(f"{name}: {', '.join(missing)} is missing")


def per_group(name: str, argument: str, value: Any, count: int, low: float = 0.0, high: float = HUGE) -> list[float]:
    """Return a number, or a list of one for each group, as a list.

    Raises
    ------
    ValueError, TypeError
        If there are more or fewer than `count`, or one is not a number from `low` to `high`.
    """
    values = [plain(v) for v in value] if isinstance(value, (list, tuple)) else [plain(value)] * count
    if len(values) != count:
        raise ValueError(f"{name}: {argument} has {len(values)} values, but the optimiser {count} groups")
    for v in values:
        check_number(name, argument, v, low, high)
    return values
