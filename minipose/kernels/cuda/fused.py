"""Kernels of a few lines of C++: as array expressions each operation in them would be a launch and a pass over memory.

CuPy compiles them on first use. The lines mean the same in Python, with arrays in place of the numbers, and so are they
tested where there is no GPU: no `**`, no `?:`, no `&&`; `T` is the type of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from minipose.kernels import Array, cupy

WHERE = """
template <typename Value> __device__ Value where(bool condition, Value yes, Value no) { return condition ? yes : no; }
"""


def elementwise(inputs: str, outputs: str, code: str, name: str) -> Callable[..., Any]:
    """Return a kernel that runs `code` for every entry; inputs are broadcast.

    It is called with the inputs, of which those without axes may be Python numbers, and then all outputs or none; it
    returns the outputs, those that it was not given in row order.
    """

    @cache
    def compiled(module: ModuleType) -> Callable[..., Any]:
        return module.ElementwiseKernel(inputs, outputs, code, name, preamble=WHERE)

    return lambda *arguments: compiled(cupy())(*arguments)


def summed(inputs: str, term: str, name: str) -> Callable[..., Array]:
    """Return a kernel that adds `term` over the axes `axis`; inputs are broadcast."""

    @cache
    def compiled(module: ModuleType) -> Callable[..., Any]:
        return module.ReductionKernel(inputs, "T total", term, "a + b", "total = a", "0", name, preamble=WHERE)

    return lambda *arguments, axis: compiled(cupy())(*arguments, axis=axis)
