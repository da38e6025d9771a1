"""The matrix product, as a driver of the micro-kernel over blocks of rows and panels of columns."""

from __future__ import annotations

import numpy as np
from numba import prange, types

from minipose.kernels import reference
from minipose.kernels.cpu.compile import kernel, read, write
from minipose.kernels.cpu.contraction import contract, copy_floats
from minipose.kernels.cpu.correlate import COLUMNS, LANES, ROWS, VECTORS, Phase, pack
from minipose.kernels.cpu.memory import empty
from minipose.kernels.threads import get_num_threads

BLOCK = 8 * ROWS  # rows that stay in the second-level cache while the panels go by


@kernel(read(2), read(1, "C"), write(2, "C"), types.int64)
def _matmul(a, panels, y, workers):
    """y = a @ b for panels (P K COLUMNS) of b; a block of `a` whose rows are not contiguous is copied first."""
    (M, K), F = a.shape, y.shape[1]
    P = -(-F // COLUMNS)
    contiguous = a.strides[1] == 4
    row = a.strides[0] // 4 if contiguous else K + LANES  # not a power of two, which would crowd the cache
    items = -(-M // BLOCK) * P
    for worker in prange(workers):
        copied = np.empty((1, 1) if contiguous else (BLOCK, row), np.float32)
        held = -1
        spill, spill_rows = np.empty((ROWS, COLUMNS), np.float32), np.arange(ROWS) * COLUMNS
        reads, writes = np.arange(ROWS) * row, np.arange(ROWS) * F
        last_reads = np.minimum(np.arange(ROWS), (M - 1) % ROWS) * row  # the last row again where there are no more
        for item in range(worker * items // workers, (worker + 1) * items // workers):
            first, p = item // P * BLOCK, item % P
            valid = min(COLUMNS, F - p * COLUMNS)
            if not contiguous and held != first:
                block = a[first : first + BLOCK]
                for k in range(K):
                    for i in range(block.shape[0]):
                        copied[i, k] = block[i, k]
                held = first
            operand = panels.ctypes.data + 4 * p * K * COLUMNS
            for m in range(first, min(first + BLOCK, M), ROWS):
                source = a[m:].ctypes.data if contiguous else copied[m - first :].ctypes.data
                result = y[m:].ctypes.data + 4 * p * COLUMNS
                table = reads.ctypes.data if m + ROWS <= M else last_reads.ctypes.data
                whole = valid == COLUMNS and m + ROWS <= M
                target, rows = (result, writes) if whole else (spill.ctypes.data, spill_rows)
                if valid > LANES:
                    contract(ROWS, VECTORS, LANES, source, table, operand, target, rows.ctypes.data,
                             1, 0, 0, 1, 0, 0, K, 1, COLUMNS, False)  # fmt: skip
                else:
                    contract(ROWS, 1, LANES, source, table, operand, target, rows.ctypes.data,
                             1, 0, 0, 1, 0, 0, K, 1, COLUMNS, False)  # fmt: skip
                if not whole:
                    for i in range(min(ROWS, M - m)):
                        copy_floats(result + 4 * i * F, spill[i].ctypes.data, valid)


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.matmul`; stacks of matrices are the reference's."""
    if a.ndim != 2 or b.ndim != 2 or 0 in (*a.shape, *b.shape):
        return reference.matmul(a, b)
    y = empty((a.shape[0], b.shape[1]))
    panels, _ = pack(b[None, None], [Phase(0, 0, 1, 1, 0, 0)])
    _matmul(a, panels, y, get_num_threads())
    return y
