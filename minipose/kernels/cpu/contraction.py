"""The micro-kernel: a small block of a product, held in registers.

    C[i, j] (+)= sum over k0, k1, k2 of  A[i, k0, k1, k2] * B[k0, k1, k2, j]        i < rows,  j < vectors * lanes

Row i of A and of C begins where a table of offsets says; k0, k1 and k2 move through A and B by strides. So A may be
windows of an image that were never copied into a matrix, and rows may belong to any pixels. Convolution, both of its
gradients and the matrix product are this one loop with other strides:

    convolution          i: output pixel        j: output channel    k1: kernel row    k2: kernel column and channel
    gradient by input    i: input pixel         j: input channel     k1: kernel row    k2: kernel column, output channel
    gradient by weight   i: kernel row, column, input channel   j: output channel   k0: image, k1: row, k2: column
    matrix product       i: row                 j: column            k2: inner dimension

The loop is written in LLVM's intermediate representation because the block must stay in registers: one vector of B is
multiplied by `rows` numbers of A, each broadcast to all lanes, and added to `rows` accumulators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTE, I64, F32 = ir.IntType(8), ir.IntType(64), ir.FloatType()
LINE = 64  # bytes of a cache line
AHEAD = 1024  # how far before its use B is asked for, in bytes: it may come from the second-level cache


def _constant(n: int) -> ir.Constant:
    return ir.Constant(I64, n)


class _Block:
    """Builds the code of one contraction: `rows` x `vectors` accumulators of `lanes` numbers."""

    def __init__(self, builder: Any, rows: int, vectors: int, lanes: int) -> None:
        self.builder, self.rows, self.vectors, self.lanes = builder, rows, vectors, lanes
        self.vector = ir.VectorType(F32, lanes)
        self.fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.vector, [self.vector] * 3), f"llvm.fmuladd.v{lanes}f32"
        )

    def bytes(self, elements: Any) -> Any:
        return self.builder.mul(elements, _constant(4))

    def row_addresses(self, base: Any, table: Any) -> list:
        """Return base + table[i] for every row, as addresses."""
        b = self.builder
        entries = [b.load(b.inttoptr(b.add(table, _constant(8 * i)), I64.as_pointer())) for i in range(self.rows)]
        return [b.add(base, self.bytes(entry)) for entry in entries]

    def vector_pointer(self, address: Any, j: int) -> Any:
        b = self.builder
        return b.inttoptr(b.add(address, _constant(4 * self.lanes * j)), self.vector.as_pointer())

    def prefetch(self, addresses: list, write: bool) -> None:
        """Ask for the cache lines of one row of the block at each address, to be read or written soon."""
        b, i32 = self.builder, ir.IntType(32)
        hint = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), i32, i32, i32]), "llvm.prefetch.p0"
        )
        for row in addresses:
            for offset in range(0, 4 * self.vectors * self.lanes, LINE):
                address = b.inttoptr(b.add(row, _constant(offset)), BYTE.as_pointer())
                b.call(hint, [address, ir.Constant(i32, int(write)), ir.Constant(i32, 3), ir.Constant(i32, 1)])

    def broadcast(self, address: Any) -> Any:
        b = self.builder
        value = b.load(b.inttoptr(address, F32.as_pointer()), align=4)
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = b.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return b.shuffle_vector(single, undefined, zeros)

    def step(self, a_rows: list, a_offset: Any, b_address: Any, accumulators: list) -> list:
        """Return the accumulators after one value of k2."""
        b = self.builder
        operands = [b.load(self.vector_pointer(b_address, j), align=4) for j in range(self.vectors)]
        self.prefetch([b.add(b_address, _constant(AHEAD))], write=False)
        result = []
        for i, row in enumerate(a_rows):
            value = self.broadcast(b.add(row, a_offset))
            for j, operand in enumerate(operands):
                result.append(b.call(self.fma, [value, operand, accumulators[i * self.vectors + j]]))
        return result

    def loop(self, count: Any, starts: list, strides: list, accumulators: list, body: Any) -> list:
        """Run body(positions, accumulators) `count` > 0 times, moving positions by strides; return its last result."""
        b = self.builder
        entry, head, end = b.block, b.append_basic_block("head"), b.append_basic_block("end")
        b.branch(head)
        b.position_at_end(head)
        moving = [b.phi(I64) for _ in range(1 + len(starts))]
        kept = [b.phi(self.vector) for _ in accumulators]
        for phi, start in zip([*moving, *kept], [_constant(0), *starts, *accumulators], strict=True):
            phi.add_incoming(start, entry)
        result = body(moving[1:], kept)
        advanced = [b.add(phi, step) for phi, step in zip(moving, [_constant(1), *strides], strict=True)]
        for phi, value in zip([*moving, *kept], [*advanced, *result], strict=True):
            phi.add_incoming(value, b.block)
        b.cbranch(b.icmp_signed("<", advanced[0], count), head, end)
        b.position_at_end(end)
        return result

    def store(self, c_rows: list, accumulate: Any, values: list) -> None:
        """Write the block to the rows of C, or add it to what stands there."""
        b = self.builder
        for i, row in enumerate(c_rows):
            for j in range(self.vectors):
                pointer, value = self.vector_pointer(row, j), values[i * self.vectors + j]
                with b.if_else(accumulate) as (then, otherwise):
                    with then:
                        b.store(b.fadd(b.load(pointer, align=4), value), pointer, align=4)
                    with otherwise:
                        b.store(value, pointer, align=4)


class _LanewiseBlock(_Block):
    """As _Block, but A has a number of its own for every lane: A[i, k0, k1, k2, j] instead of A[i, k0, k1, k2]."""

    def step(self, a_rows: list, a_offset: Any, b_address: Any, accumulators: list) -> list:
        """Return the accumulators after one value of k2."""
        b, result = self.builder, []
        operands = [b.load(self.vector_pointer(b_address, j), align=4) for j in range(self.vectors)]
        for i, row in enumerate(a_rows):
            for j, operand in enumerate(operands):
                value = b.load(self.vector_pointer(b.add(row, a_offset), j), align=4)
                result.append(b.call(self.fma, [value, operand, accumulators[i * self.vectors + j]]))
        return result


def _contraction(kind: type[_Block]) -> Callable:
    """Return the function that computes one block of this kind.

    a, b, c and the tables are addresses in bytes; strides and table entries count float32s; each n is at least 1.
    """

    @intrinsic(prefer_literal=True)
    def contract(
        typingctx, rows, vectors, lanes, a, a_table, b, c, c_table, n0, a_0, b_0, n1, a_1, b_1, n2, a_2, b_2, accumulate
    ):
        if not all(isinstance(t, types.IntegerLiteral) for t in (rows, vectors, lanes)):
            return None
        size = (rows.literal_value, vectors.literal_value, lanes.literal_value)
        signature = types.void(rows, vectors, lanes, *([types.intp] * 14), types.boolean)

        def generate(context, builder, signature, arguments):
            a, a_table, b, c, c_table, *loops, accumulate = arguments[3:]
            block = kind(builder, *size)
            a_rows, c_rows = block.row_addresses(a, a_table), block.row_addresses(c, c_table)
            block.prefetch(c_rows, write=True)  # the block then need not wait for them at its end
            zeros = [ir.Constant(block.vector, None)] * (block.rows * block.vectors)
            (n0, *steps0), (n1, *steps1), (n2, *steps2) = (
                (loops[k], block.bytes(loops[k + 1]), block.bytes(loops[k + 2])) for k in (0, 3, 6)
            )

            def inner(positions, accumulators):
                return block.step(a_rows, *positions, accumulators)

            def middle(positions, accumulators):
                return block.loop(n2, positions, steps2, accumulators, inner)

            def outer(positions, accumulators):
                return block.loop(n1, positions, steps1, accumulators, middle)

            result = block.loop(n0, [_constant(0), b], steps0, zeros, outer)
            block.store(c_rows, cgutils.as_bool_bit(builder, accumulate), result)
            return context.get_dummy_value()

        return signature, generate

    return contract


contract, contract_lanes = _contraction(_Block), _contraction(_LanewiseBlock)


@intrinsic
def copy_floats(typingctx, target, source, count):
    """Copy `count` float32 numbers between two addresses."""

    def generate(context, builder, signature, arguments):
        target, source, count = arguments
        pointers = [builder.inttoptr(address, BYTE.as_pointer()) for address in (target, source)]
        cgutils.raw_memcpy(builder, *pointers, builder.mul(count, _constant(4)), 1)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@intrinsic
def zero_floats(typingctx, target, count):
    """Write `count` float32 zeros to an address."""

    def generate(context, builder, signature, arguments):
        target, count = arguments
        pointer = builder.inttoptr(target, BYTE.as_pointer())
        cgutils.memset(builder, pointer, builder.mul(count, _constant(4)), 0)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate
