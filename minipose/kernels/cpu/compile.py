"""Compilation: a kernel is compiled at its first call, for one signature, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


class Kernel:
    """A function that Numba compiles when it is first called.

    One explicit signature each: arrays of any layout share one compiled version, and nothing is compiled at import.
    """

    def __init__(self, function: Callable, signature: str, parallel: bool) -> None:
        self.function, self.signature, self.parallel = function, signature, parallel
        self.compiled: Callable | None = None
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        if self.compiled is None:
            self.compiled = numba.njit(self.signature, parallel=self.parallel, nogil=True, cache=True)(self.function)
        return self.compiled(*arguments)


def kernel(signature: str, parallel: bool = True) -> Callable[[Callable], Kernel]:
    """Decorate a function that is to be compiled for `signature`, its outer `prange` loops run by all threads."""
    return lambda function: Kernel(function, signature, parallel)
