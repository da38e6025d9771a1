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
from minipose.kernels.cpu.compile import kernel, read
from minipose.kernels.cpu.layout import alike

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
    kept, table, factors = [], [], []
    for *values, step in zip(parameters, grads, first, second, steps, strict=True):
        arrays = [np.asarray(value) for value in values]  # -grad of a 0-d array is a number of NumPy's
        if not alike(*arrays):
            reference.adam_step(*([array] for array in arrays), lr, beta1, beta2, eps, weight_decay, [step])
        elif arrays[0].size:
            kept.append(arrays)  # while the kernel runs, as it sees their addresses only
            table.append([*[array.__array_interface__["data"][0] for array in arrays], arrays[0].size])
            factors.append((lr / (1 - beta1**step), 1 / (1 - beta2**step)))
    if not table:
        return
    rows = np.array(table, np.int64)
    starts = np.concatenate([[0], np.cumsum(-(-rows[:, 4] // PIECE))])
    constants = np.array((1 - beta1, 1 - beta2, eps, weight_decay), np.float32)  # 1 - 0.999 is not exact in float32
    (_adam if rows[:, 4].sum() >= FEW else _adam.alone)(rows, np.array(factors, np.float32), constants, starts)
