"""What is switched on for operations: recording, anomaly detection, recomputation. Each thread has its own switches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Mode(threading.local):
    """The switches of one thread.

    Attributes
    ----------
    recording : whether operations leave a graph behind
    anomaly : whether the first NaN or infinity is an error
    tape : the list that takes down every recorded Function while `checkpoint` runs its part, else None
    recomputing : whether a part is run for the second time
    """

    recording = True
    anomaly = False
    tape: list | None = None
    recomputing = False


mode = Mode()


@contextmanager
def switched(**switches: Any) -> Iterator[None]:
    """Set switches of this thread for the time of a block."""
    before = {name: getattr(mode, name) for name in switches}
    mode.__dict__.update(switches)
    try:
        yield
    finally:
        mode.__dict__.update(before)


def is_grad_enabled() -> bool:
    """Return whether operations on this thread are recorded."""
    return mode.recording


def is_recomputing() -> bool:
    """Return whether `checkpoint` is running its part again: what counts calls must not count this one."""
    return mode.recomputing


def no_grad(function: Callable | None = None) -> Any:
    """Context or decorator in which operations leave no graph behind."""
    return _context_or_decorator("no_grad", function, recording=False)


def enable_grad(function: Callable | None = None) -> Any:
    """Context or decorator that records again inside `no_grad`."""
    return _context_or_decorator("enable_grad", function, recording=True)


def detect_anomaly(function: Callable | None = None) -> Any:
    """Context or decorator in which the first NaN or infinity is an error that names the line that made it.

    Every result and every gradient is looked at, so this is slow: it is for finding a bug, not for training. Run
    forward in it too, or the line is not known. It also notices what `backward` else cannot see: that an array which
    it needs was written to through NumPy (`x.data[0] = 1`).

    Raises
    ------
    RuntimeError
        Inside the block, by the operation whose inputs are finite and whose result, or gradient, is not.
    """
    return _context_or_decorator("detect_anomaly", function, anomaly=True)


def _context_or_decorator(name: str, function: Callable | None, **switches: bool) -> Any:
    if function is not None and not callable(function):
        raise TypeError(f"{name}: expected nothing or a function to decorate, not {function!r}")
    return switched(**switches) if function is None else switched(**switches)(function)
