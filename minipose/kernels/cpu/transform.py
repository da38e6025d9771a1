"""The two-sided product of a small constant matrix with a square of vectors, held in registers.

    target[i, j] = sum over a, b of  matrix[i, a] * matrix[j, b] * source[a, b]

Every source[a, b] and target[i, j] is a line of channels. Zeros of the matrix cost nothing, ones an addition. Each
matrix makes a function of its own, which kernels call by its address: so one kernel serves all matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minipose.kernels.cpu.compile import Subroutine
from minipose.kernels.cpu.tiles import host_tile

F32, I64 = ir.FloatType(), ir.IntType(64)
LANES = host_tile().lanes
ARGUMENTS = 7  # of a transform: channels, source, source_row, source_column, target, target_row, target_column


def _combine(builder: Any, weights: np.ndarray, vectors: list) -> Any:
    """Return the sum of weight * vector."""
    type_ = vectors[0].type
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(type_, [type_] * 3), f"llvm.fmuladd.v{type_.count}f32"
    )
    total = None
    # Ones first: the sum then begins with a vector as it is.
    for weight, vector in sorted(zip(weights, vectors, strict=True), key=lambda pair: abs(abs(pair[0]) - 1)):
        if weight == 0:
            continue
        if total is None:
            total = vector if weight == 1 else builder.fmul(vector, ir.Constant(type_, [float(weight)] * type_.count))
        elif abs(weight) == 1:
            total = builder.fadd(total, vector) if weight == 1 else builder.fsub(total, vector)
        else:
            total = builder.call(fma, [vector, ir.Constant(type_, [float(weight)] * type_.count), total])
    return ir.Constant(type_, None) if total is None else total


def _pairs(matrix: np.ndarray) -> list[tuple[int, int]]:
    """Return rows that differ by some signs only, two and two, as those of the points 1 and -1 do."""
    pairs: list[tuple[int, int]] = []
    for i, row in enumerate(matrix):
        for j in range(i + 1, len(matrix)):
            met = any({i, j} & {*pair} for pair in pairs)
            if not met and np.array_equal(abs(row), abs(matrix[j])) and np.count_nonzero(row) > 1:
                pairs.append((i, j))
    return pairs


def _product(builder: Any, matrix: np.ndarray, vectors: list) -> list:
    """Return the rows of matrix * vectors; what two rows have in common is computed once, their sum and difference."""
    across = _pairs(matrix.T)
    matrix, vectors = matrix.copy(), list(vectors)
    for i, j in across:
        first, second = matrix[:, i].copy(), matrix[:, j].copy()
        matrix[:, i], matrix[:, j] = (first + second) / 2, (first - second) / 2
        vectors[i], vectors[j] = builder.fadd(vectors[i], vectors[j]), builder.fsub(vectors[i], vectors[j])
    pairs = [] if across else _pairs(matrix)
    for i, j in pairs:
        matrix[i], matrix[j] = (matrix[i] + matrix[j]) / 2, (matrix[i] - matrix[j]) / 2
    rows = [_combine(builder, row, vectors) for row in matrix]
    for i, j in pairs:
        rows[i], rows[j] = builder.fadd(rows[i], rows[j]), builder.fsub(rows[i], rows[j])
    return rows


def _parts(matrix: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """Return the rows and columns of the blocks that the matrix falls into, so that each can stay in registers."""
    parts: list[tuple[list[int], list[int]]] = []
    for i, row in enumerate(matrix):
        rows, columns = [i], [int(a) for a in np.flatnonzero(row)]
        for part in [part for part in parts if {*part[1]} & {*columns}]:
            parts.remove(part)
            rows, columns = sorted(rows + part[0]), sorted({*columns, *part[1]})
        parts.append((rows, columns))
    return parts


def _on_vectors(matrix: np.ndarray) -> Callable:
    """Return the product with `matrix`, for one vector of each line of channels."""
    vector = ir.VectorType(F32, LANES)

    @intrinsic
    def transform(typingctx, source, source_row, source_column, target, target_row, target_column):
        def generate(context, builder, signature, arguments):
            source, source_row, source_column, target, target_row, target_column = arguments

            def pointer(base: Any, i: int, row: Any, j: int, column: Any) -> Any:
                offset = builder.add(builder.mul(row, ir.Constant(I64, 4 * i)),
                                     builder.mul(column, ir.Constant(I64, 4 * j)))  # fmt: skip
                return builder.inttoptr(builder.add(base, offset), vector.as_pointer())

            def load(a: int, b: int) -> Any:
                return builder.load(pointer(source, a, source_row, b, source_column), align=4)

            for (rows, above), (columns, beside) in itertools.product(_parts(matrix), repeat=2):
                down, across = matrix[np.ix_(rows, above)], matrix[np.ix_(columns, beside)]
                half = [_product(builder, down, [load(a, b) for a in above]) for b in beside]
                for i, line in zip(rows, zip(*half, strict=True), strict=True):
                    for j, value in zip(columns, _product(builder, across, list(line)), strict=True):
                        builder.store(value, pointer(target, i, target_row, j, target_column), align=4)
            return context.get_dummy_value()

        return types.void(*([types.intp] * 6)), generate

    return transform


def two_sided(name: str, matrix: np.ndarray) -> Subroutine:
    """Return the product with `matrix`, as a function that `call_transform` calls.

    It is for whole vectors of channels: what lies behind them, up to LANES numbers, is read and written too.
    """
    on_vectors = _on_vectors(matrix)

    def transform(channels, source, source_row, source_column, target, target_row, target_column):
        for c in range(0, channels, LANES):
            on_vectors(source + 4 * c, source_row, source_column, target + 4 * c, target_row, target_column)

    return Subroutine(transform, f"transform.{name}", ARGUMENTS)


@intrinsic
def call_transform(
    typingctx, function, channels, source, source_row, source_column, target, target_row, target_column
):
    """Call the transform at an address. source and target are addresses in bytes, the others count float32s."""
    type_ = ir.FunctionType(ir.VoidType(), [I64] * ARGUMENTS)

    def generate(context, builder, signature, arguments):
        builder.call(builder.inttoptr(arguments[0], type_.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*([types.intp] * (1 + ARGUMENTS))), generate
