"""Depthwise convolution: every channel has a kernel of its own, so a vector of adjacent channels is one of everything.

A block of output rows of one image is computed at a time from its input window, copied with zeros for the padding into
the core's cache. There, eight pixels times two vectors of channels are accumulated in registers over all taps; for
the weight's gradient, nine taps times two vectors over all pixels. Memory is read once and written once.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.contraction import contract_lanes, copy_floats, zero_floats
from minipose.kernels.cpu.correlate import LANES, TILE, Phase, _fill_window
from minipose.kernels.cpu.memory import workspace
from minipose.kernels.reference import Pair
from minipose.kernels.threads import get_num_threads

PIXELS = min(8, TILE.rows * TILE.vectors // 2)  # of two vectors each: enough sums that wait for none of each other
TAPS = 9
WINDOW = 1 << 15  # float32 numbers in a window, about: a small part of the second-level cache


@numba.njit
def _rows_of_blocks(OH, line, stride, reach, images, workers):
    """Return how many output rows a block has: few enough for its window to stay in the cache, and for all workers."""
    rows = max(1, (WINDOW // line - reach) // stride + 1)
    return min(rows, max(1, images * OH // workers), OH)


@kernel(read(4), read(1, "C"), read(2, "C", types.int64), write(4), write(2, "C"), write(3, "C", types.int64),
        PAIR, PAIR, PAIR, PAIR, PAIR)  # fmt: skip
def _correlate(x, taps, phases, y, windows, tables, top_left, reach, stride, dilation, step):
    """y[n,i,j,c] = sum over a b of x[n, i*s + a*d - top, j*s + b*d - left, c] * weight[a,b,c]; x is 0 outside.

    y is made in phases, each of the pixels `step` apart, all of a row before the next row. A window begins `top_left`
    before the pixel it is for, and has `reach` rows and columns besides those that the stride skips over. Each worker
    has a window, with room for a strip behind it, and a table of where a strip's pixels are read and written.
    """
    C = x.shape[3]
    N, H, W, _ = y.shape
    OH, OW = -(-H // step[0]), -(-W // step[1])  # of the largest phase
    depth = -(-C // LANES) * LANES
    width = (OW - 1) * stride[1] + reach[1]
    line, workers = width * C, windows.shape[0]
    rows, strips = _rows_of_blocks(OH, line, stride[0], reach[0], N, workers), -(-OW // PIXELS)
    blocks, P = -(-OH // rows), phases.shape[0]
    for worker in prange(workers):
        window, table = windows[worker], tables[worker]
        for phase in range(P):
            for p in range(PIXELS):  # where an image is narrower, its last pixel again
                pixel = min(p, phases[phase, 7] - 1)
                table[phase, p], table[P + phase, p] = pixel * stride[1] * C, pixel * step[1] * y.strides[2] // 4
        for p in range(PIXELS):
            table[2 * P, p] = p * LANES
        # Addresses, once: to take a part of an array costs as much as the sums over it. What they are of comes from
        # outside, since what is made in here would be gone with the last use of its name.
        taps_at, spare_at = taps.ctypes.data, window.ctypes.data + 4 * (window.size - PIXELS * LANES)
        table_at, size = table.ctypes.data, 8 * PIXELS
        packed_at = table_at + 2 * P * size
        for block in range(worker * N * blocks // workers, (worker + 1) * N * blocks // workers):
            n, first = block // blocks, block % blocks * rows
            count = min(rows, OH - first)
            _fill_window(window, x[n], first * stride[0] - top_left[0], -top_left[1],
                         (count - 1) * stride[0] + reach[0], width)  # fmt: skip
            image = y.ctypes.data + n * y.strides[0]
            for i in range(count):
                for strip in range(strips):
                    for phase in range(P):  # innermost, so that a line of y is written once
                        row, column = phases[phase, 0] + (first + i) * step[0], phases[phase, 1]
                        KH, KW, top, left = phases[phase, 2], phases[phase, 3], phases[phase, 4], phases[phase, 5]
                        start, pixels = phases[phase, 6], phases[phase, 7]
                        if row >= H or strip * PIXELS >= pixels:
                            continue
                        j = max(0, min(strip * PIXELS, pixels - PIXELS))  # the last ones may be computed twice
                        target = image + row * y.strides[1] + (column + j * step[1]) * y.strides[2]
                        if KH * KW == 0:
                            for p in range(PIXELS):
                                zero_floats(target + 4 * table[P + phase, p], C)
                            continue
                        source = window.ctypes.data + 4 * (
                            (i * stride[0] + top_left[0] - top) * line + (j * stride[1] + top_left[1] - left) * C
                        )
                        read_at, write_at = table_at + phase * size, table_at + (P + phase) * size
                        wide = C // (2 * LANES) * (2 * LANES)
                        for c in range(0, wide, 2 * LANES):
                            contract_lanes(PIXELS, 2, LANES, source + 4 * c, read_at, taps_at + 4 * (start + c),
                                           target + 4 * c, write_at, 1, 0, 0, KH, dilation[0] * line, KW * depth,
                                           KW, dilation[1] * C, depth, False)  # fmt: skip
                        for c in range(wide, depth, LANES):
                            whole = c + LANES <= C
                            contract_lanes(PIXELS, 1, LANES, source + 4 * c, read_at, taps_at + 4 * (start + c),
                                           target + 4 * c if whole else spare_at, write_at if whole else packed_at,
                                           1, 0, 0, KH, dilation[0] * line, KW * depth,
                                           KW, dilation[1] * C, depth, False)  # fmt: skip
                            for p in range(0 if whole else min(PIXELS, pixels)):
                                copy_floats(target + 4 * (c + table[P + phase, p]), spare_at + 4 * p * LANES, C - c)


@kernel(read(4), read(4), write(3, "C"), PAIR, PAIR, PAIR, PAIR)
def _correlate_with_grad(x, grad, partial, size, offset, stride, dilation):
    """partial[worker, a*KW + b, c] = sum over its n i j of x[n, i*s + a*d - top, j*s + b*d - left, c] * grad."""
    C = x.shape[3]
    N, OH, OW, _ = grad.shape
    KH, KW = size
    workers, slots, depth = partial.shape
    height, width = (KH - 1) * dilation[0] + 1, (OW - 1) * stride[1] + (KW - 1) * dilation[1] + 1
    line = width * C
    rows = _rows_of_blocks(OH, line, stride[0], height, N, workers)
    blocks = -(-OH // rows)
    for worker in prange(workers):
        mine = partial[worker]
        mine[:] = 0
        window = np.empty(((rows - 1) * stride[0] + height) * line + LANES, np.float32)
        grads = np.empty(rows * OW * C + LANES, np.float32)
        reads, writes = np.empty(slots, np.int64), np.arange(slots) * depth
        for k in range(slots):  # what is beyond the last tap is that tap again, and thrown away
            a, b = divmod(min(k, KH * KW - 1), KW)
            reads[k] = a * dilation[0] * line + b * dilation[1] * C
        for block in range(worker * N * blocks // workers, (worker + 1) * N * blocks // workers):
            n, first = block // blocks, block % blocks * rows
            count = min(rows, OH - first)
            _fill_window(window, x[n], first * stride[0] - offset[0], -offset[1],
                         (count - 1) * stride[0] + height, width)  # fmt: skip
            _fill_window(grads, grad[n], first, 0, count, OW)
            for i in range(count):
                for k in range(0, slots, TAPS):
                    source, operand = window.ctypes.data + 4 * i * stride[0] * line, grads.ctypes.data + 4 * i * OW * C
                    wide = C // (2 * LANES) * (2 * LANES)
                    for c in range(0, wide, 2 * LANES):
                        contract_lanes(TAPS, 2, LANES, source + 4 * c, reads[k:].ctypes.data, operand + 4 * c,
                                       mine[:, c:].ctypes.data, writes[k:].ctypes.data,
                                       1, 0, 0, 1, 0, 0, OW, stride[1] * C, C, True)  # fmt: skip
                    for c in range(wide, depth, LANES):
                        contract_lanes(TAPS, 1, LANES, source + 4 * c, reads[k:].ctypes.data, operand + 4 * c,
                                       mine[:, c:].ctypes.data, writes[k:].ctypes.data,
                                       1, 0, 0, 1, 0, 0, OW, stride[1] * C, C, True)  # fmt: skip


def fits(weight: tuple[int, ...], groups: int) -> bool:
    """Return whether a convolution by weight (F C/groups KH KW) has one kernel for each channel."""
    return weight[0] == groups and weight[1] == 1


class _Plan(NamedTuple):
    """What depends on the geometry alone: which taps the phases need, one after the other, their table, the window."""

    order: np.ndarray  # of the taps, as places in the KH * KW of the weight
    table: np.ndarray
    top_left: Pair
    reach: Pair
    size: int  # of a window, of a vector that begins at its end, and of a strip, in whole cache lines


@functools.lru_cache(maxsize=1024)
def _plan(
    phases: tuple[Phase, ...],
    columns: int,
    y: tuple[int, ...],
    stride: Pair,
    dilation: Pair,
    step: Pair,
    workers: int,
) -> _Plan:
    """Return the plan for weights with that many columns and a result y (N H W C).

    A phase's row of the table ends with the place where its taps begin and the number of its pixels in a row of W.
    """
    N, H, W, C = y
    depth = -(-C // LANES) * LANES
    order, table, start = [np.empty(0, np.int64)], [], 0
    for phase in phases:
        rows = phase.tap_row + phase.tap_row_step * np.arange(phase.KH)
        across = phase.tap_column + phase.tap_column_step * np.arange(phase.KW)
        order.append((rows[:, None] * columns + across).reshape(-1))
        table.append((*phase[:6], start, -(-(W - phase.column) // step[1])))
        start += order[-1].size * depth
    used = [phase for phase in phases if phase.KH * phase.KW] or [Phase(0, 0, 1, 1, 0, 0)]
    top, left = max(phase.top for phase in used), max(phase.left for phase in used)
    reach = (
        top + max((phase.KH - 1) * dilation[0] - phase.top for phase in used) + 1,
        left + max((phase.KW - 1) * dilation[1] - phase.left for phase in used) + 1,
    )
    OH, OW = -(-H // step[0]), -(-W // step[1])
    line = ((OW - 1) * stride[1] + reach[1]) * C
    rows = _rows_of_blocks.py_func(OH, line, stride[0], reach[0], N, workers)
    size = -(-((rows - 1) * stride[0] + reach[0]) * line // LANES) + 1 + PIXELS
    return _Plan(np.concatenate(order), np.array(table, np.int64), (top, left), reach, size * LANES)


def _taps(weight: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return these taps of weight (C 1 KH KW), each C numbers and zeros up to a whole number of vectors."""
    C = weight.shape[0]
    taps = workspace("taps", order.size, -(-C // LANES) * LANES)
    taps[:, C:] = 0
    taps[:, :C] = weight.reshape(C, -1).T[order]
    return taps.reshape(-1)


def correlate(
    image: np.ndarray,
    weight: np.ndarray,
    phases: tuple[Phase, ...],
    y: np.ndarray,
    stride: Pair,
    dilation: Pair,
    step: Pair,
) -> None:
    """As `correlate.correlate`, for weight (C 1 KH KW)."""
    workers = get_num_threads()
    plan = _plan(phases, weight.shape[3], y.shape, stride, dilation, step, workers)
    windows = workspace("window", workers, plan.size)
    tables = np.empty((workers, 2 * len(phases) + 1, PIXELS), np.int64)
    _correlate(image, _taps(weight, plan.order), plan.table, y, windows, tables, plan.top_left, plan.reach,
               stride, dilation, step)  # fmt: skip


def weight_grad(
    x: np.ndarray, grad: np.ndarray, result: np.ndarray, stride: Pair, dilation: Pair, padding: Pair
) -> None:
    """Write the gradient of the weight to `result` (KH KW C), from images x and grad (N H W C)."""
    KH, KW, C = result.shape
    slots, depth = -(-KH * KW // TAPS) * TAPS, -(-C // LANES) * LANES
    partial = np.empty((get_num_threads(), slots, depth), np.float32)
    _correlate_with_grad(x, grad, partial, (KH, KW), padding, stride, dilation)
    result[:] = partial.sum(0)[: KH * KW, :C].reshape(result.shape)
