"""The two-sided product of a small constant matrix with a square of vectors, held in registers.

    target[i, j] = sum over a, b of  matrix[i, a] * matrix[j, b] * source[a, b]

Every source[a, b] and target[i, j] is a vector of adjacent numbers. Zeros of the matrix cost nothing, ones an addition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

F32, I64 = ir.FloatType(), ir.IntType(64)


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


def two_sided(matrix: np.ndarray) -> Callable:
    """Return the product with `matrix` as a function for kernels:

        transform(lanes, source, source_row, source_column, target, target_row, target_column)

    source and target are addresses in bytes, the others count float32s.
    """
    rows, columns = matrix.shape

    @intrinsic(prefer_literal=True)
    def transform(typingctx, lanes, source, source_row, source_column, target, target_row, target_column):
        if not isinstance(lanes, types.IntegerLiteral):
            return None
        vector = ir.VectorType(F32, lanes.literal_value)

        def generate(context, builder, signature, arguments):
            _, source, source_row, source_column, target, target_row, target_column = arguments

            def pointer(base: Any, i: int, row: Any, j: int, column: Any) -> Any:
                offset = builder.add(builder.mul(row, ir.Constant(I64, 4 * i)),
                                     builder.mul(column, ir.Constant(I64, 4 * j)))  # fmt: skip
                return builder.inttoptr(builder.add(base, offset), vector.as_pointer())

            half = []  # half[b][i] = sum over a of matrix[i, a] * source[a, b]
            for b in range(columns):
                line = [builder.load(pointer(source, a, source_row, b, source_column), align=4) for a in range(columns)]
                half.append([_combine(builder, matrix[i], line) for i in range(rows)])
            for i in range(rows):
                for j in range(rows):
                    value = _combine(builder, matrix[j], [half[b][i] for b in range(columns)])
                    builder.store(value, pointer(target, i, target_row, j, target_column), align=4)
            return context.get_dummy_value()

        return types.void(lanes, *([types.intp] * 6)), generate

    return transform
