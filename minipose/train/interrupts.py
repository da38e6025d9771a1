"""Ctrl-C in a run: the step is finished, the run saved, and the program says how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(Exception):
    """Ctrl-C was pressed; the run is saved and can be resumed."""


@contextmanager
def finish_step_on_ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, so that a step is never left half done; a second one raises."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def handler(number: int, frame: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
