"""Several processes that take turns: each side has its own threads, and all see the same weather on the machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import statistics
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
WAIT_VARIABLE = "OMP_WAIT_POLICY"


class Unavailable(RuntimeError):
    """A side cannot do what it is asked, as the process that tried says."""


def _serve(pipe: Connection, handler: Callable[..., Any], options: dict[str, Any]) -> None:
    """Make a handler, and answer what the pipe asks with what it returns, until the pipe sends None."""
    request, handle = ("prepare",), None
    while request is not None:
        try:
            if handle is None:
                handle, answer = handler(**options), "ready"
            else:
                answer = handle(*request)
            pipe.send((answer, None))
        except Exception:
            pipe.send((None, traceback.format_exc()))
        request = pipe.recv()


@contextmanager
def _environment(values: dict[str, str | None]) -> Iterator[None]:
    """Set variables of the environment, or remove those that are None, for a while."""
    before = {name: os.environ.get(name) for name in values}

    def put(values: dict[str, str | None]) -> None:
        for name, value in values.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    put(values)
    try:
        yield
    finally:
        put(before)


class Side:
    """A process that answers one request at a time, and stands still in between.

    OpenMP's threads spin for a while when their work is done, in case more comes. Two processes with as many threads as
    cores each would take the cores from each other by that, and what takes 0.1 ms would take 10.

    Parameters
    ----------
    handler : callable
        Called in the process with `options`; what it returns is called with every request.
    threads : int
        How many the process may use.
    wait : str, optional
        What OpenMP's threads do when they wait, the value of OMP_WAIT_POLICY. Default: as the library has it.
    """

    def __init__(self, handler: Callable[..., Any], threads: int, wait: str | None = None, **options: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, handler, options), daemon=True)
        # Read when the libraries are loaded, so they must be in the environment before the process starts.
        with _environment({**dict.fromkeys(THREAD_VARIABLES, str(threads)), WAIT_VARIABLE: wait}):
            self.process.start()
        theirs.close()

    def answer(self) -> Any:
        """Return the answer to the last request, the first being whether the process is ready.

        Raises
        ------
        Unavailable
            If the process failed.
        """
        try:
            result, error = self.pipe.recv()
        except EOFError:
            raise Unavailable("the process died, perhaps for want of memory") from None
        self._signal("SIGSTOP")
        if error is not None:
            raise Unavailable(error)
        return result

    def ask(self, *request: Any) -> Any:
        """Send a request and return its answer; raises as `answer`."""
        self._signal("SIGCONT")
        self.pipe.send(request)
        return self.answer()

    def _signal(self, name: str) -> None:
        if hasattr(signal, name) and self.process.is_alive():
            os.kill(self.process.pid, getattr(signal, name))

    def close(self) -> None:
        """End the process."""
        self._signal("SIGCONT")
        try:
            self.pipe.send(None)
        except OSError:
            pass
        self.process.join(5)
        self.process.kill()
        self.process.join()


@contextmanager
def all_of(sides: dict[str, Side]) -> Iterator[dict[str, Side]]:
    """Close every side at the end, those too that were added to the dictionary on the way."""
    try:
        yield sides
    finally:
        for side in sides.values():
            side.close()


def timed(work: Callable[[], Any], least: float = 0.0) -> list[float]:
    """Return how long `work` took, in seconds, call by call, for as many calls as fill `least` seconds; at least one.

    With `least` a call before them is not counted: it fetches back from memory what others' turns drove from the cache.
    """
    if least:
        work()
    times: list[float] = []
    while not times or sum(times) < least:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def in_turns(turns: dict[str, Callable[[], list[float]]], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Let each take its turn, A B A B; return the times of each.

    `rounds` is how often; fewer, but at least three, if they would take longer than `seconds`.
    """
    times: dict[str, list[float]] = {name: [] for name in turns}
    start = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - start > seconds:
            break
        for name, turn in turns.items():
            times[name] += turn()
    return times


def figures(times: Iterable[float]) -> dict[str, float]:
    """Return the least and the median of times in seconds."""
    times = list(times)
    return {"min": min(times), "median": statistics.median(times)}
