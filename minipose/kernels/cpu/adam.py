"""Adam's update of all parameters in one pass, each number read and written once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from minipose.kernels import reference
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.layout import lines

LINE = read(1, "C")
PIECE = 1 << 12  # how many numbers a thread updates at once
FEW = 1 << 15  # below this many numbers, waking the threads costs more than they gain


@intrinsic
def _pointer(typingctx: Any, address: Any) -> Any:
    """Return an address in bytes as a pointer to float32 numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.FloatType().as_pointer())

    return types.CPointer(types.float32)(types.int64), generate


@numba.njit
def _numbers(address, begin, size):
    return numba.carray(_pointer(address + 4 * begin), (size,))


@numba.njit(error_model="numpy")
def _update(addresses, begin, size, factors, constants):
    parameter, grad = _numbers(addresses[0], begin, size), _numbers(addresses[1], begin, size)
    first, second = _numbers(addresses[2], begin, size), _numbers(addresses[3], begin, size)
    share1, share2, eps, weight_decay = constants
    step_size, scale = factors
    for i in range(size):
        g = grad[i] + weight_decay * parameter[i]
        m = first[i] + share1 * (g - first[i])
        v = second[i] + share2 * (g * g - second[i])
        first[i], second[i] = m, v
        parameter[i] -= step_size * m / (np.sqrt(v * scale) + eps)


@kernel(LINE, LINE, LINE, LINE, write(1, "C", types.int64), parallel=False)
def _describe(parameter, grad, first, second, row):
    """Write a row of the table for `_adam`: NumPy takes longer to say where one array is than this for all four."""
    row[0], row[1] = parameter.ctypes.data, grad.ctypes.data
    row[2], row[3] = first.ctypes.data, second.ctypes.data
    row[4] = parameter.size


@kernel(read(2, "C", types.int64), read(2, "C"), read(1, "C"), read(1, "C", types.int64), alone=True)
def _adam(table, factors, constants, starts):
    """Update what each row of `table` points to: a parameter, its gradient, its moments, how many numbers they are.

    starts[i] pieces lie before the i-th array; the last entry counts them all.
    """
    for piece in prange(starts[-1]):
        i = np.searchsorted(starts, piece, "right") - 1
        begin = (piece - starts[i]) * PIECE
        _update(table[i], begin, min(PIECE, table[i, 4] - begin), factors[i], constants)


def adam_step(
    parameters: Sequence[np.ndarray],
    grads: Sequence[np.ndarray],
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    steps: Sequence[int],
) -> None:
    """As `reference.adam_step`."""
    table = np.empty((len(parameters), 5), np.int64)
    kept, factors = [], []
    for *arrays, step in zip(parameters, grads, first, second, steps, strict=True):
        views = lines(*arrays)
        if views is None:
            reference.adam_step(*([array] for array in arrays), lr, beta1, beta2, eps, weight_decay, [step])
        elif views[0].size:
            _describe(*views, table[len(kept)])
            kept.append(views)  # while the kernel runs, as it sees their addresses only
            factors.append((lr / (1 - beta1**step), 1 / (1 - beta2**step)))
    if not kept:
        return
    rows = table[: len(kept)]
    starts = np.concatenate([[0], np.cumsum(-(-rows[:, 4] // PIECE))])
    constants = np.array((1 - beta1, 1 - beta2, eps, weight_decay), np.float32)  # 1 - 0.999 is not exact in float32
    (_adam if rows[:, 4].sum() >= FEW else _adam.alone)(rows, np.array(factors, np.float32), constants, starts)
