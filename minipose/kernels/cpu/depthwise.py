"""Depthwise convolution: every channel has a kernel of its own, so a vector of adjacent channels is one of everything.

A block of output rows of one image is computed at a time from its input window, copied with zeros for the padding into
the core's cache. There, eight pixels times one vector of channels are accumulated in registers over all taps; for
the weight's gradient, nine taps times one vector over all pixels. Memory is read once and written once.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.contraction import contract_lanes, copy_floats
from minipose.kernels.cpu.correlate import LANES, Phase, _fill_window
from minipose.kernels.reference import Pair
from minipose.kernels.threads import get_num_threads

PIXELS = 8  # enough additions that wait for none of each other
TAPS = 9
WINDOW = 1 << 15  # float32 numbers in a window, about: a small part of the second-level cache


@numba.njit
def _rows_of_blocks(OH, line, stride, reach, images, workers):
    """Return how many output rows a block has: few enough for its window to stay in the cache, and for all workers."""
    rows = max(1, (WINDOW // line - reach) // stride + 1)
    return min(rows, max(1, images * OH // workers), OH)


@kernel(read(4), read(3, "C"), write(4), PAIR, PAIR, PAIR, types.int64)
def _correlate(x, weight, y, offset, stride, dilation, workers):
    """y[n,i,j,c] = sum over a b of x[n, i*s + a*d - top, j*s + b*d - left, c] * weight[a,b,c]; x is 0 outside."""
    C = x.shape[3]
    N, OH, OW, _ = y.shape
    KH, KW, depth = weight.shape
    height, width = (KH - 1) * dilation[0] + 1, (OW - 1) * stride[1] + (KW - 1) * dilation[1] + 1
    line = width * C
    rows = _rows_of_blocks(OH, line, stride[0], height, N, workers)
    blocks = -(-OH // rows)
    for worker in prange(workers):
        window = np.empty(((rows - 1) * stride[0] + height) * line + LANES, np.float32)
        spare = np.empty(PIXELS * LANES, np.float32)
        reads, writes, packed = np.empty(PIXELS, np.int64), np.empty(PIXELS, np.int64), np.arange(PIXELS) * LANES
        for p in range(PIXELS):  # where an image is narrower, its last pixel again
            reads[p] = min(p, OW - 1) * stride[1] * C
            writes[p] = min(p, OW - 1) * y.strides[2] // 4
        for block in range(worker * N * blocks // workers, (worker + 1) * N * blocks // workers):
            n, first = block // blocks, block % blocks * rows
            count = min(rows, OH - first)
            _fill_window(window, x[n], first * stride[0] - offset[0], -offset[1],
                         (count - 1) * stride[0] + height, width)  # fmt: skip
            for i in range(count):
                for start in range(0, OW, PIXELS):
                    j = max(0, min(start, OW - PIXELS))  # the last ones may be computed twice
                    source = window.ctypes.data + 4 * (i * stride[0] * line + j * stride[1] * C)
                    target = y[n, first + i, j].ctypes.data
                    for c in range(0, depth, LANES):
                        tap = weight.ctypes.data + 4 * c
                        if c + LANES <= C:
                            contract_lanes(PIXELS, 1, LANES, source + 4 * c, reads.ctypes.data, tap,
                                           target + 4 * c, writes.ctypes.data, 1, 0, 0,
                                           KH, dilation[0] * line, KW * depth,
                                           KW, dilation[1] * C, depth, False)  # fmt: skip
                            continue
                        contract_lanes(PIXELS, 1, LANES, source + 4 * c, reads.ctypes.data, tap,
                                       spare.ctypes.data, packed.ctypes.data, 1, 0, 0,
                                       KH, dilation[0] * line, KW * depth,
                                       KW, dilation[1] * C, depth, False)  # fmt: skip
                        for p in range(min(PIXELS, OW)):
                            copy_floats(target + 4 * (c + writes[p]), spare[p * LANES :].ctypes.data, C - c)


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
                for c in range(0, depth, LANES):
                    for k in range(0, slots, TAPS):
                        contract_lanes(TAPS, 1, LANES, window.ctypes.data + 4 * (i * stride[0] * line + c),
                                       reads[k:].ctypes.data, grads.ctypes.data + 4 * (i * OW * C + c),
                                       mine[:, c:].ctypes.data, writes[k:].ctypes.data,
                                       1, 0, 0, 1, 0, 0, OW, stride[1] * C, C, True)  # fmt: skip


def fits(weight: tuple[int, ...], groups: int) -> bool:
    """Return whether a convolution by weight (F C/groups KH KW) has one kernel for each channel."""
    return weight[0] == groups and weight[1] == 1


def _taps(weight: np.ndarray) -> np.ndarray:
    """Return weight (C 1 KH KW) as KH KW C, with zeros up to a whole number of vectors."""
    C, _, KH, KW = weight.shape
    if C % LANES == 0:
        return np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))
    taps = np.zeros((KH, KW, -(-C // LANES) * LANES), np.float32)
    taps[..., :C] = weight[:, 0].transpose(1, 2, 0)
    return taps


@functools.lru_cache(maxsize=1024)
def _places(phase: Phase) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the columns of a phase's taps, as indices."""
    rows = phase.tap_row + phase.tap_row_step * np.arange(phase.KH)
    return rows[:, None], phase.tap_column + phase.tap_column_step * np.arange(phase.KW)


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
    taps = _taps(weight)
    for phase in phases:
        part = y[:, phase.row :: step[0], phase.column :: step[1]]
        if phase.KH * phase.KW == 0:
            part[:] = 0
            continue
        _correlate(image, taps[_places(phase)], part, (phase.top, phase.left), stride, dilation, get_num_threads())


def weight_grad(
    x: np.ndarray, grad: np.ndarray, result: np.ndarray, stride: Pair, dilation: Pair, padding: Pair
) -> None:
    """Write the gradient of the weight to `result` (KH KW C), from images x and grad (N H W C)."""
    KH, KW, C = result.shape
    slots, depth = -(-KH * KW // TAPS) * TAPS, -(-C // LANES) * LANES
    partial = np.empty((get_num_threads(), slots, depth), np.float32)
    _correlate_with_grad(x, grad, partial, (KH, KW), padding, stride, dilation)
    result[:] = partial.sum(0)[: KH * KW, :C].reshape(result.shape)
