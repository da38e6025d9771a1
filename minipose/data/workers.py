"""Processes that make batches ahead, and the shared memory through which their arrays come back.

Each worker is a new Python, not a fork of the parent: a fork takes over locks of threads that it does not have, and
after Numba's OpenMP threads have run it may hang or end by a signal. A worker and its parent know each other by a pipe
and nothing else. Whoever of them ends, by whatever cause, the system closes the pipe, and the other one is told. The
shared memory belongs to a file without a name, so that the system takes it back with the last process that uses it.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import RawArray
from typing import Any, NoReturn

import numpy as np

ALIGNMENT = 64  # bytes: a cache line
SECONDS_TO_END = 5.0


class WorkerTraceback(Exception):
    """Where in a worker an exception was raised, as the worker would have printed it."""


class Workers:
    """Worker processes that evaluate `function(*task)` and return the results in the order of the tasks.

    Parameters
    ----------
    name : str
        Who asks, for the errors.
    function : bytes
        A pickled function.
    count : int
        Number of processes.
    depth : int
        Tasks that each may have been given without having returned its result.
    room : int
        Bytes of shared memory for each of these tasks. A result whose arrays need more comes through the pipe.
    """

    def __init__(self, name: str, function: bytes, count: int, depth: int, room: int) -> None:
        self.name, self.depth = name, depth
        self.room = max(_aligned(room), ALIGNMENT)
        context = multiprocessing.get_context("spawn")
        self.memory = [RawArray("B", depth * self.room) for _ in range(count)]
        self.connections, self.processes = [], []
        # Also when the program ends, and when nobody has this object any more.
        self.owner = os.getpid()
        self.close = weakref.finalize(self, _close, self.connections, self.processes, self.owner)
        self.given = self.taken = 0  # tasks and results since the start
        try:
            with _without_interrupts():
                for memory in self.memory:
                    ours, theirs = context.Pipe()
                    arguments = (theirs, function, memory, self.room)
                    process = context.Process(target=_work, args=arguments, name="minipose-worker", daemon=True)
                    self.connections.append(ours)
                    process.start()
                    self.processes.append(process)
                    theirs.close()
        except BaseException:
            self.close()
            raise

    @property
    def has_room(self) -> bool:
        """Whether one more task can be given."""
        return self.given - self.taken < self.depth * len(self.connections)

    def give(self, task: tuple) -> None:
        """Give a task to the worker whose turn it is."""
        turn, slot = self._place(self.given)
        self.given += 1
        # A worker that has ended is noticed when its result is asked for.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connections[turn].send((slot, task))

    def take(self) -> Any:
        """Wait for the result of the first task whose result has not been taken.

        Raises
        ------
        Exception
            What the function raised. The first cause of it is a `WorkerTraceback`.
        RuntimeError
            If the worker has ended.
        """
        turn, slot = self._place(self.taken)
        try:
            data, lengths, traceback_text = self.connections[turn].recv()
        except (EOFError, ConnectionResetError) as error:
            raise RuntimeError(self._obituary(turn)) from error
        self.taken += 1
        if traceback_text is not None:
            _raise(pickle.loads(data), traceback_text)
        if lengths is None:
            return pickle.loads(data)
        memory = np.frombuffer(self.memory[turn], np.uint8)
        # A copy, which lives as long as an array of the result does: the next task's result goes to the same place.
        own = memory[slot * self.room : slot * self.room + sum(map(_aligned, lengths))].copy()
        starts = np.cumsum([0, *map(_aligned, lengths)])
        return pickle.loads(data, buffers=[own[a : a + n] for a, n in zip(starts, lengths, strict=False)])

    def discard(self) -> None:
        """Throw away the results of all tasks that were given."""
        while self.taken < self.given:
            with contextlib.suppress(Exception):
                self.connections[self._place(self.taken)[0]].recv()
            self.taken += 1

    def _place(self, number: int) -> tuple[int, int]:
        """Return which worker has a task, and where in the shared memory its result goes."""
        count = len(self.connections)
        return number % count, number // count % self.depth

    def _obituary(self, turn: int) -> str:
        process = self.processes[turn]
        process.join(SECONDS_TO_END)
        code = process.exitcode
        if code is not None and code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
            how += ", as the system does where memory runs out" if -code == getattr(signal, "SIGKILL", 0) else ""
        else:
            how = f"ended with exit code {code}"
        hint = "; a script that uses workers must start below `if __name__ == '__main__':`" if code == 1 else ""
        return f"{self.name}: worker {turn} (process {process.pid}) {how}{hint}"


def packed_size(result: Any) -> int:
    """Return how many bytes of shared memory the arrays of a result need."""
    buffers: list[pickle.PickleBuffer] = []
    pickle.dumps(result, protocol=5, buffer_callback=buffers.append)
    return sum(_aligned(buffer.raw().nbytes) for buffer in buffers)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _pack(result: Any, room: memoryview) -> tuple[bytes, list[int] | None, None]:
    """Return a result without its arrays, which go into `room`, and their lengths; or with them where they do not fit.

    This is pickle's protocol 5, which leaves out what has a buffer of its own (PEP 574).
    """
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(result, protocol=5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    lengths = [part.nbytes for part in parts]
    if sum(map(_aligned, lengths)) > len(room):
        return pickle.dumps(result, protocol=5), None, None
    start = 0
    for part, length in zip(parts, lengths, strict=True):
        room[start : start + length] = part
        start += _aligned(length)
    return data, lengths, None


def _work(connection: multiprocessing.connection.Connection, function: bytes, memory: Any, room: int) -> None:
    """What a worker does until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which closes the pipe
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from minipose.kernels.threads import set_num_threads

    set_num_threads(1)
    memory = memoryview(memory).cast("B")
    run: Callable | None = None
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            slot, task = connection.recv()
            try:
                run = run or _loaded(function)
                answer = _pack(run(*task), memory[slot * room : (slot + 1) * room])
            except Exception as error:
                answer = pickle.dumps(_chain(error)), None, traceback.format_exc()
            connection.send(answer)


def _loaded(function: bytes) -> Callable:
    try:
        return pickle.loads(function)
    except Exception as error:
        raise RuntimeError(
            f"what a worker was given is not known there ({type(error).__name__}: {error}); define it at the top of a "
            "module, not in a notebook or an interactive session, or use no workers"
        ) from error


def _chain(error: BaseException | None) -> list[bytes]:
    """Pickle an exception and its causes, which its own pickle leaves out."""
    chain = []
    while error is not None:
        try:
            data = pickle.dumps(error)
            pickle.loads(data)  # an exception with arguments of its own can often be pickled, but not made again
        except Exception:
            data = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        chain.append(data)
        error = error.__cause__
    return chain


def _raise(chain: list[bytes], traceback_text: str) -> NoReturn:
    errors = [*map(pickle.loads, chain), WorkerTraceback(f"in a worker process:\n{traceback_text}")]
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    raise errors[0]


def _end_with_parent() -> None:
    """End the process with its parent, however long its present task would take."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have processes start with Ctrl-C held back, so that none of them dies of it, and says so, while it imports."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # the first process that multiprocessing starts; after it, it lets signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _close(connections: list, processes: list, parent: int) -> None:
    if os.getpid() != parent:  # a fork of the parent has these lists, but they are not its workers
        return
    for connection in connections:
        connection.close()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(SECONDS_TO_END)
        if process.is_alive():
            process.kill()
            process.join()
