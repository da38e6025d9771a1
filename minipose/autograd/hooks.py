"""Functions that are called when something happens, until they are taken off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class HookHandle:
    """What registering a hook returns; `remove()` takes the hook off again."""

    def __init__(self, hooks: dict[HookHandle, Callable]) -> None:
        self._hooks = hooks

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        self._hooks.pop(self, None)


def add_hook(name: str, hooks: dict[HookHandle, Callable], hook: Any) -> HookHandle:
    """Add `hook` to `hooks`, which are called in the order of registration.

    Raises
    ------
    TypeError
        If it cannot be called.
    """
    if not callable(hook):
        raise TypeError(f"{name}: the hook must be a function, not {hook!r}")
    handle = HookHandle(hooks)
    hooks[handle] = hook
    return handle
