"""Ctrl-C in a run: the step is finished, the run saved, and the program says how to go on."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
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


def how_to_go_on(words: Sequence[str]) -> str:
    """Return what a program says after `Interrupted`; `words` are those of the command that was interrupted."""
    kept = [word for word in words if len(word) < 4 or not "--overwrite".startswith(word) and word != "--resume"]
    return f"\ninterrupted; everything is saved. Go on with: {shlex.join([*kept, '--resume'])}"


def run_program(run: Callable[[], int | None]) -> int:
    """Run a program of examples/ and return its exit status: what `run` returns, 1 after an error, 130 after Ctrl-C.

    An error is one line on stderr, and Ctrl-C too, with the command that goes on if the run is saved.
    """
    try:
        return run() or 0
    except Interrupted:
        print(how_to_go_on(["python", *sys.argv]), file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, RuntimeError, OSError, ArithmeticError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
