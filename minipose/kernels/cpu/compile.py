"""Compilation: a kernel is compiled at its first call, for one signature, and kept on disk for the next process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numba
from numba import types

PAIR = types.UniTuple(types.int64, 2)


def read(ndim: int, layout: str = "A", dtype: types.Type = types.float32) -> types.Array:
    """Return the type of an argument that is only read: it takes read-only arrays too, as broadcasting makes them."""
    return types.Array(dtype, ndim, layout, readonly=True)


def write(ndim: int, layout: str = "A", dtype: types.Type = types.float32) -> types.Array:
    """Return the type of an argument that is written."""
    return types.Array(dtype, ndim, layout)


def _start_threads() -> None:
    """Start Numba's threads, and have them sleep between kernels.

    OpenMP's default is to spin while waiting for the next kernel. Alone on the machine that is a tenth faster; but
    where another program wants a core, spinning threads keep the working one from it, and a step takes ten times as
    long instead of twice. The policy is read when the library is loaded; whoever sets it in the environment has it.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["OMP_WAIT_POLICY"] = "passive"
    numba.get_num_threads()
    del os.environ["OMP_WAIT_POLICY"]


class Kernel:
    """A function that Numba compiles when it is first called.

    One explicit signature each: arrays of any layout share one compiled version, and nothing is compiled at import.
    Numba notices when the file of a kernel changes, but not when a file changes that it takes inlined code from:
    after an edit of `contraction.py` or `tiles.py`, touch the kernels' files.
    """

    def __init__(self, function: Callable, argument_types: tuple[types.Type, ...], parallel: bool) -> None:
        self.function, self.signature, self.parallel = function, types.void(*argument_types), parallel
        self.compiled: Callable | None = None
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> None:
        if self.compiled is None:
            _start_threads()
            # The GIL stays held: a kernel is shorter than the time that another Python thread, such as the one that
            # draws the next batch, would keep it from coming back.
            # Division by zero gives infinity, as NumPy's; to look out for it, loops would have to go number by number.
            options = {"parallel": self.parallel, "cache": True, "error_model": "numpy"}
            self.compiled = numba.njit(self.signature, **options)(self.function)
        self.compiled(*arguments)


def kernel(*argument_types: types.Type, parallel: bool = True) -> Callable[[Callable], Kernel]:
    """Decorate a function that is to be compiled for these types, its outer `prange` loops run by all threads."""
    return lambda function: Kernel(function, argument_types, parallel)
