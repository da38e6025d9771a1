"""Convolution and its two gradients, as drivers of the micro-kernel over blocks of output pixels.

Arrays are N H W C here, with channels contiguous. A block of output rows of one image, or of a few small images, is
computed at a time: small enough that its input window, with zeros for the padding, stays in the core's cache.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.contraction import contract, copy_floats, zero_floats
from minipose.kernels.cpu.memory import empty
from minipose.kernels.cpu.tiles import host_tile

TILE = host_tile()
ROWS, VECTORS, LANES, COLUMNS = TILE.rows, TILE.vectors, TILE.lanes, TILE.columns
STRIP = 128  # input channels that are repacked at once
FEW_TO_PACK = 1 << 16  # below this many numbers, waking the threads costs more than they gain
BLOCK = 192  # output pixels in a block: many tiles, and a window that fits the second-level cache


class Phase(NamedTuple):
    """The part of a correlation that makes the output pixels row, row + step, ... and column, column + step, ...

    Its kernel has KH x KW of the weight's taps: the first is (tap_row, tap_column), the next ones lie tap_row_step and
    tap_column_step further. It meets the image `top` rows above and `left` columns left of the output pixel.
    """

    row: int
    column: int
    KH: int
    KW: int
    top: int
    left: int
    tap_row: int = 0
    tap_row_step: int = 1
    tap_column: int = 0
    tap_column_step: int = 1
    start: int = 0  # where its panels begin


@functools.lru_cache(maxsize=1024)
def _table(phases: tuple[Phase, ...], C: int, F: int) -> tuple[np.ndarray, int]:
    """Return the phases as rows, each ending with the place where its panels begin, and the size of all panels."""
    table, size = [], 0
    for phase in phases:
        table.append(phase._replace(start=size))
        size += -(-F // COLUMNS) * phase.KH * phase.KW * C * COLUMNS
    return np.array(table, np.int64), size


def pack(weight: np.ndarray, phases: Sequence[Phase]) -> tuple[np.ndarray, np.ndarray]:
    """Return the taps of weight (KH KW C F) that each phase needs, and the phases as rows of a table.

    The taps are one line of panels (phase, panel, KH, KW, C, COLUMNS) of adjacent output channels, with zeros beyond F;
    each row of the table ends with the place where the phase's panels begin.
    """
    C, F = weight.shape[2:]
    rows, size = _table(tuple(phases), C, F)
    if F == COLUMNS and weight.flags.c_contiguous and phases[0][6:] == (0, 1, 0, 1, 0):
        return weight.reshape(-1), rows  # one panel already
    panels = empty((size,))
    (_pack if size >= FEW_TO_PACK else _pack.alone)(weight, rows, panels)
    return panels, rows


@kernel(read(4), read(2, "C", types.int64), write(1, "C"), alone=True)
def _pack(weight, phases, panels):
    KH, KW, C, F = weight.shape
    P, strips = -(-F // COLUMNS), -(-C // STRIP)
    for item in prange(phases.shape[0] * KH * KW * strips):  # in the order in which the weights lie in memory
        phase, tap, strip = item // (KH * KW * strips), item // strips % (KH * KW), item % strips
        tap_rows, tap_columns = phases[phase, 2:4]
        tap_row, row_step, tap_column, column_step, start = phases[phase, 6:]
        if tap >= tap_rows * tap_columns:
            continue
        a, b = divmod(tap, tap_columns)
        source = weight[tap_row + a * row_step, tap_column + b * column_step, strip * STRIP : (strip + 1) * STRIP]
        count = source.shape[0]
        for p in range(P):
            at = start + ((p * tap_rows * tap_columns + tap) * C + strip * STRIP) * COLUMNS
            panel, columns = panels[at : at + count * COLUMNS].reshape(count, COLUMNS), source[:, p * COLUMNS :]
            width = min(COLUMNS, columns.shape[1])
            if width < COLUMNS:  # what happens to lie there may be slow to multiply
                panel[:] = 0
            if weight.strides[3] == 4:
                for c in range(count):
                    copy_floats(panel[c].ctypes.data, columns[c].ctypes.data, width)
            else:
                for j in range(width):
                    for c in range(count):
                        panel[c, j] = columns[c, j]


@numba.njit
def _fill_window(window, image, top, left, height, width):
    """Copy the rectangle of `image` (H W C) that begins at row top, column left; zeros outside the image."""
    H, W, C = image.shape
    target = window.ctypes.data
    first, last = max(0, -left), min(width, W - left)  # the columns of the window that lie inside
    for r in range(height):
        row = target + 4 * r * width * C
        y = top + r
        if y < 0 or y >= H or last <= first:
            zero_floats(row, width * C)
            continue
        zero_floats(row, first * C)
        source = image.ctypes.data + y * image.strides[0] + (left + first) * image.strides[1]
        if image.strides[1] == 4 * C:
            copy_floats(row + 4 * first * C, source, (last - first) * C)
        else:
            for column in range(last - first):
                copy_floats(row + 4 * (first + column) * C, source + column * image.strides[1], C)
        zero_floats(row + 4 * last * C, (width - last) * C)


@numba.njit
def _inside(image, height, width, top, left):
    """Whether a window that begins at (-top, -left) can be read where it is: nothing padded, pixels adjacent."""
    fits = top == 0 and left == 0 and height <= image.shape[1] and width <= image.shape[2]
    return fits and image.strides[2] == 4 * image.shape[3]


def portion(count: int, workers: int, most: int) -> int:
    """Return how many of `count` things a worker takes at a time: equal parts of its share, of at most `most`."""
    share = -(-count // workers)
    return -(-share // -(-share // most))


_portion = numba.njit(portion)


@numba.njit
def _tables(images, rows, columns, plane, line, stride, C, y_strides, step, reads, writes):
    """Write where the window is read, and y written, for every pixel of a block, counted in float32s.

    Entries beyond the last pixel repeat it: what they compute is thrown away.
    """
    p = 0
    for n in range(images):
        for i in range(rows):
            for j in range(columns):
                reads[p] = n * plane + i * stride[0] * line + j * stride[1] * C
                writes[p] = (n * y_strides[0] + i * step[0] * y_strides[1] + j * step[1] * y_strides[2]) // 4
                p += 1
    for q in range(p, min(p + ROWS, reads.size)):
        reads[q], writes[q] = reads[p - 1], writes[p - 1]


@kernel(read(4), read(1, "C"), read(2, "C", types.int64), write(4), PAIR, PAIR, PAIR, types.int64)
def correlate(x, panels, phases, y, stride, dilation, step, workers):
    """y[n,i,j,f] = sum over a b c of x[n, i*s + a*d - top, j*s + b*d - left, c] * w[a,b,c,f]; x is 0 outside.

    y is made in phases, each of the pixels `step` apart, with taps and a place in the image of its own. A plain
    convolution has one phase; a strided one's gradient has stride x stride, and no zero is inserted or multiplied.
    """
    (sh, sw), (dh, dw) = stride, dilation
    N, _, _, C = x.shape
    F = y.shape[3]
    P = -(-F // COLUMNS)
    OH, OW = -(-y.shape[1] // step[0]), -(-y.shape[2] // step[1])
    top, left, bottom, right = 0, 0, 0, 0
    for phase in phases:
        if phase[2] * phase[3] > 0:
            top, bottom = max(top, phase[4]), max(bottom, (phase[2] - 1) * dh - phase[4])
            left, right = max(left, phase[5]), max(right, (phase[3] - 1) * dw - phase[5])
    block_rows = max(1, min(OH, BLOCK // OW))
    block_images = _portion(N, workers, max(1, BLOCK // (OH * OW)))  # of small ones some, so that panels serve longer
    blocks = -(-OH // block_rows)
    items = -(-N // block_images) * blocks
    width = (OW - 1) * sw + left + right + 1
    in_place = _inside(x, (OH - 1) * sh + bottom + 1, width, top, left)
    line = x.strides[1] // 4 if in_place else width * C
    plane = x.strides[0] // 4 if in_place else ((block_rows - 1) * sh + top + bottom + 1) * line
    most = -(-block_images * block_rows * OW // ROWS) * ROWS
    for worker in prange(workers):
        # Used in every turn of the loop below, so that Numba does not free them while their addresses are read.
        window = np.empty(1 if in_place else block_images * plane, np.float32)
        reads, writes = np.empty((len(phases), most), np.int64), np.empty((len(phases), most), np.int64)
        spill, spill_rows = np.empty((ROWS, COLUMNS), np.float32), np.arange(ROWS) * COLUMNS
        made = np.full(len(phases), -1)  # for how many pixels the tables are made
        for item in range(worker * items // workers, (worker + 1) * items // workers):
            n, first = item // blocks * block_images, item % blocks * block_rows
            images = min(block_images, N - n)
            if in_place:
                origin = x[n, first * sh].ctypes.data
            else:
                height = (min(block_rows, OH - first) - 1) * sh + top + bottom + 1
                for image in range(images):
                    _fill_window(window[image * plane :], x[n + image], first * sh - top, -left, height, width)
                origin = window.ctypes.data
            for k in range(len(phases)):
                row, column, KH, KW = phases[k, :4]
                rows = min(first + block_rows, -(-(y.shape[1] - row) // step[0])) - first
                columns = -(-(y.shape[2] - column) // step[1])
                if rows <= 0 or columns <= 0:
                    continue
                corner = y[n, first * step[0] + row, column:].ctypes.data
                pixels = images * rows * columns
                if made[k] != pixels:
                    _tables(images, rows, columns, plane, line, stride, C, y.strides, step, reads[k], writes[k])
                    made[k] = pixels
                if KH * KW == 0:
                    for p in range(pixels):
                        zero_floats(corner + 4 * writes[k, p], F)
                    continue
                source = origin + 4 * ((top - phases[k, 4]) * line + (left - phases[k, 5]) * C)
                # Adjacent kernel columns of adjacent pixels are one run of memory, unless dilation tears it apart.
                calls, run = (1, KW * C) if dw == 1 else (KW, C)
                for p in range(P):
                    valid = min(COLUMNS, F - p * COLUMNS)
                    panel = panels.ctypes.data + 4 * (phases[k, 10] + p * KH * KW * C * COLUMNS)
                    for t in range(0, pixels, ROWS):
                        whole = valid == COLUMNS and t + ROWS <= pixels
                        if whole:
                            target, table = corner + 4 * p * COLUMNS, writes[k, t:].ctypes.data
                        else:
                            target, table = spill.ctypes.data, spill_rows.ctypes.data
                        for b in range(calls):
                            at, with_ = source + 4 * b * dw * C, panel + 4 * b * C * COLUMNS
                            if valid > LANES:
                                contract(ROWS, VECTORS, LANES, at, reads[k, t:].ctypes.data, with_, target, table,
                                         1, 0, 0, KH, dh * line, KW * C * COLUMNS, run, 1, COLUMNS, b > 0)  # fmt: skip
                            else:
                                contract(ROWS, 1, LANES, at, reads[k, t:].ctypes.data, with_, target, table,
                                         1, 0, 0, KH, dh * line, KW * C * COLUMNS, run, 1, COLUMNS, b > 0)  # fmt: skip
                        if not whole:
                            for i in range(min(ROWS, pixels - t)):
                                to = corner + 4 * (writes[k, t + i] + p * COLUMNS)
                                copy_floats(to, spill[i].ctypes.data, valid)


@kernel(read(4), read(4), write(4), write(3, "C"), PAIR, PAIR, PAIR, types.int64)
def correlate_with_grad(x, grad, weight, partial, stride, dilation, offset, workers):
    """weight[a,b,c,f] = sum over n i j of x[n, i*s + a*d - offset, j*s + b*d - offset, c] * grad[n,i,j,f].

    Each worker adds its share of the images in a fixed order into a copy of its own in `partial`, padded to whole
    tiles; the copies are added in order at the end. So the result does not change from run to run. Where there is only
    one copy, each worker makes some rows of it, from all images.
    """
    (sh, sw), (dh, dw), (top, left) = stride, dilation, offset
    N, _, _, C = x.shape
    _, OH, OW, F = grad.shape
    KH, KW = weight.shape[:2]
    copies, K, width_f = partial.shape
    sharers = workers // copies  # of a copy
    block_rows = max(1, min(OH, BLOCK // OW))
    block_images = _portion(N, copies, max(1, BLOCK // (OH * OW)))
    blocks = -(-OH // block_rows)
    items = -(-N // block_images) * blocks
    width = (OW - 1) * sw + (KW - 1) * dw + 1
    in_place = _inside(x, (OH - 1) * sh + (KH - 1) * dh + 1, width, top, left)
    panels = width_f // COLUMNS
    is_panel = F == COLUMNS and grad.flags.c_contiguous
    line = x.strides[1] // 4 if in_place else width * C
    plane = x.strides[0] // 4 if in_place else ((block_rows - 1) * sh + (KH - 1) * dh + 1) * line
    for worker in prange(workers):
        mine, part = partial[worker // sharers], worker % sharers
        from_k, to_k = part * (K // ROWS) // sharers * ROWS, (part + 1) * (K // ROWS) // sharers * ROWS
        mine[from_k:to_k] = 0
        reads = np.empty(K, np.int64)
        for k in range(K):
            tap, c = divmod(min(k, KH * KW * C - 1), C)
            reads[k] = tap // KW * dh * line + tap % KW * dw * C + c
        writes = np.arange(ROWS) * width_f
        window = np.empty(1 if in_place else block_images * plane, np.float32)
        packed = np.zeros((panels, 1 if is_panel else block_images * block_rows * OW, COLUMNS), np.float32)
        for item in range(worker // sharers * items // copies, (worker // sharers + 1) * items // copies):
            n, row = item // blocks * block_images, item % blocks * block_rows
            images, rows = min(block_images, N - n), min(block_rows, OH - row)
            source = x[n, row * sh].ctypes.data if in_place else window.ctypes.data
            for image in range(0 if in_place else images):
                _fill_window(window[image * plane :], x[n + image], row * sh - top, -left,
                             (rows - 1) * sh + (KH - 1) * dh + 1, width)  # fmt: skip
            for q in range(0 if is_panel else images * rows * OW):
                pixel = grad[n + q // (rows * OW), row + q // OW % rows, q % OW].ctypes.data
                for p in range(panels):
                    count = min(COLUMNS, F - p * COLUMNS)
                    copy_floats(packed[p, q].ctypes.data, pixel + 4 * p * COLUMNS, count)
            for p in range(panels):
                operand = grad[n, row].ctypes.data if is_panel else packed[p].ctypes.data
                for k in range(from_k, to_k, ROWS):
                    target = mine[k, p * COLUMNS :].ctypes.data
                    if F - p * COLUMNS > LANES:
                        contract(ROWS, VECTORS, LANES, source, reads[k:].ctypes.data, operand, target,
                                 writes.ctypes.data, images, plane, rows * OW * COLUMNS, rows, sh * line, OW * COLUMNS,
                                 OW, sw * C, COLUMNS, True)  # fmt: skip
                    else:
                        contract(ROWS, 1, LANES, source, reads[k:].ctypes.data, operand, target,
                                 writes.ctypes.data, images, plane, rows * OW * COLUMNS, rows, sh * line, OW * COLUMNS,
                                 OW, sw * C, COLUMNS, True)  # fmt: skip
    for tap in prange(KH * KW * C):
        sums, first = weight[tap // C // KW, tap // C % KW, tap % C], partial[0, tap]
        for f in range(F):
            sums[f] = first[f]
        for copy in range(1, copies):
            more = partial[copy, tap]
            for f in range(F):
                sums[f] += more[f]
