"""What the machine itself can do: multiply-adds that never leave the registers, and a plain copy by all threads.

Neither uses a kernel of minipose, so a slow kernel cannot lower the limit that it is held against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

F32, I64 = ir.FloatType(), ir.IntType(64)
VARIANTS = [(lanes, chains) for lanes in (4, 8, 16) for chains in (8, 12, 24)]
ITERATIONS = 200_000  # half a millisecond, beside which waking the threads is nothing


@intrinsic(prefer_literal=True)
def _fma_chains(typingctx, lanes, chains, iterations, factor, term):
    """Return the sum of `chains` independent vectors after value = value * factor + term, `iterations` times."""
    if not all(isinstance(t, types.IntegerLiteral) for t in (lanes, chains)):
        return None
    L, C = lanes.literal_value, chains.literal_value
    signature = types.float32(lanes, chains, types.int64, types.float32, types.float32)

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(F32, L)
        fma = cgutils.get_or_insert_function(b.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{L}f32")

        def broadcast(value: Any) -> Any:
            single = b.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I64, 0))
            return b.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), L), [0] * L))

        factor, term = broadcast(arguments[3]), broadcast(arguments[4])
        entry, head, end = b.block, b.append_basic_block("head"), b.append_basic_block("end")
        b.branch(head)
        b.position_at_end(head)
        count = b.phi(I64)
        values = [b.phi(vector) for _ in range(C)]
        count.add_incoming(ir.Constant(I64, 0), entry)
        for i, value in enumerate(values):  # each chain begins elsewhere, or the compiler would keep only one
            value.add_incoming(ir.Constant(vector, [float(i)] * L), entry)
        results = [b.call(fma, [value, factor, term]) for value in values]
        following = b.add(count, ir.Constant(I64, 1))
        count.add_incoming(following, head)
        for value, result in zip(values, results, strict=True):
            value.add_incoming(result, head)
        b.cbranch(b.icmp_signed("<", following, arguments[2]), head, end)
        b.position_at_end(end)
        total = results[0]
        for result in results[1:]:
            total = b.fadd(total, result)
        numbers = [b.extract_element(total, ir.Constant(I64, i)) for i in range(L)]
        total = numbers[0]
        for number in numbers[1:]:
            total = b.fadd(total, number)
        return total

    return signature, generate


def _fma_loop(lanes: int, chains: int) -> Callable:
    @numba.njit(parallel=True)
    def loop(sums, iterations, factor, term):
        for thread in prange(sums.size):
            sums[thread] = _fma_chains(lanes, chains, iterations, factor, term)

    return loop


def fma_loops() -> dict[str, tuple[Callable[[], Any], float]]:
    """Return what runs multiply-adds on all threads, each with the number of floating-point operations it does.

    How wide a vector and how many independent chains are fastest differs from CPU to CPU: the caller takes the best.
    """
    threads = numba.get_num_threads()
    sums = np.empty(threads, np.float32)
    loops = {}
    for lanes, chains in VARIANTS:
        loop = _fma_loop(lanes, chains)
        flops = 2.0 * lanes * chains * ITERATIONS * threads
        loops[f"{lanes} x {chains}"] = (lambda f=loop: f(sums, ITERATIONS, np.float32(0.5), np.float32(1)), flops)
    return loops


@numba.njit(parallel=True)
def _copy(source, target):
    threads = numba.get_num_threads()
    for thread in prange(threads):
        part = slice(thread * source.size // threads, (thread + 1) * source.size // threads)
        target[part] = source[part]


def copy_of(size: float) -> Callable[[], Any]:
    """Return what moves `size` bytes on all threads: reads half as many, and writes them to an array of its own."""
    source = np.ones(max(1, int(size) // 8), np.float32)
    target = np.zeros_like(source)
    return lambda: _copy(source, target)
