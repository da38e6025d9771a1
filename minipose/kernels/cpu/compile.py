"""Compilation: a kernel is compiled at its first call, for one signature, and kept on disk for the next process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.core.ccallback import CFunc

from minipose.kernels import threads
from minipose.kernels.cpu.cache import DiskCache, name_of

PAIR = types.UniTuple(types.int64, 2)
SLOW = 1.0  # in seconds; a compilation that takes longer is reported
KERNELS: list[Kernel | Subroutine] = []  # every one that has been imported, for `minipose warmup`

talkative = True  # whether compilations are reported on stderr

_compiling = threading.Lock()
_said: set[str] = set()


def read(ndim: int, layout: str = "A", dtype: types.Type = types.float32) -> types.Array:
    """Return the type of an argument that is only read: it takes read-only arrays too, as broadcasting makes them."""
    return types.Array(dtype, ndim, layout, readonly=True)


def write(ndim: int, layout: str = "A", dtype: types.Type = types.float32) -> types.Array:
    """Return the type of an argument that is written."""
    return types.Array(dtype, ndim, layout)


def _say(text: str) -> None:
    """Write one line to stderr.

    Not by `logging`, which shows nothing below a warning unless it is told to, nor by `warnings`, since nothing is
    wrong. A line in the midst of a progress bar is put above it by tqdm itself, and only who has imported tqdm has one.
    """
    if not talkative or sys.stderr is None:  # None in a program without a console
        return
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(f"minipose: {text}", file=sys.stderr)
    else:
        print(f"minipose: {text}", file=sys.stderr, flush=True)


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _say(text)


def _on_miss() -> None:
    _say_once("compiling the CPU kernels that this run needs, once for this machine (`minipose warmup` does it ahead)")


def _on_failure(reason: str) -> None:
    _say_once(
        f"compiled kernels cannot be kept, and the next process compiles them again ({reason}); "
        "set NUMBA_CACHE_DIR to a folder that can be written"
    )


class Kernel:
    """A function that Numba compiles when it is first called.

    One explicit signature each: arrays of any layout share one compiled version, and nothing is compiled at import.

    Attributes
    ----------
    alone : Kernel or None
        The same in the calling thread, for work so small that waking the other threads costs more than they gain.
    """

    def __init__(self, function: Callable, argument_types: tuple[types.Type, ...], parallel: bool = True) -> None:
        self.function, self.signature, self.parallel = function, types.void(*argument_types), parallel
        self.compiled: Callable | None = None
        self.alone: Kernel | None = None
        self.name, self.__doc__ = name_of(function) + ("" if parallel else "_alone"), function.__doc__
        KERNELS.append(self)

    def compile(self) -> None:
        """Compile the function, or load what an earlier process compiled."""
        threads.start_threads()
        with _compiling:  # two threads may call a kernel for the first time at once
            if self.compiled is not None:
                return
            # Division by zero gives infinity, as NumPy's; to look out for it, loops would go number by number.
            options = {"parallel": self.parallel, "error_model": "numpy"}
            self.compiled = compiled(self.function, self.signature, self.name, **options)

    def __call__(self, *arguments: Any) -> None:
        if self.compiled is None:
            self.compile()
        threads.apply_num_threads()
        # Numba lets go of the GIL while a parallel loop runs, so another Python thread can come here meanwhile.
        if threads.turn is None:
            self.compiled(*arguments)
        else:
            with threads.turn:
                self.compiled(*arguments)


class Subroutine:
    """A function of integers that kernels call by its address; it is compiled when the address is first asked for."""

    def __init__(self, function: Callable, name: str, count: int) -> None:
        self.function, self.name, self.signature = function, name, types.void(*([types.int64] * count))
        self.compiled: CFunc | None = None
        KERNELS.append(self)

    def compile(self) -> None:
        """Compile the function, or load what an earlier process compiled."""
        with _compiling:
            if self.compiled is None:
                callback = CFunc(self.function, (self.signature.args, self.signature.return_type), {}, {})
                callback._cache = DiskCache(self.function, self.name, _on_miss, _on_failure)
                callback.compile()
                self.compiled = callback

    @property
    def address(self) -> int:
        """Where the function is in memory."""
        if self.compiled is None:
            self.compile()
        return self.compiled.address


def compiled(function: Callable, signature: types.Type, name: str, **options: Any) -> Callable:
    """Return the function compiled for this signature with these options of `numba.njit`, from disk if it is there."""
    start = time.perf_counter()
    dispatcher = numba.njit(**options)(function)
    dispatcher._cache = DiskCache(function, name, _on_miss, _on_failure)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    elapsed = time.perf_counter() - start
    if elapsed > SLOW and dispatcher.stats.cache_misses:
        _say(f"compiled {name} in {elapsed:.1f} s")
    return dispatcher


def kernel(*argument_types: types.Type, alone: bool = False, parallel: bool = True) -> Callable[[Callable], Kernel]:
    """Decorate a function that is to be compiled for these types, its outer `prange` loops run by all threads.

    With `alone` there is also a version for the calling thread, as the kernel's attribute of that name; without
    `parallel` there is no other.
    """

    def decorate(function: Callable) -> Kernel:
        result = Kernel(function, argument_types, parallel)
        if alone:
            result.alone = Kernel(function, argument_types, parallel=False)
        return result

    return decorate
