"""Convolution and its two gradients, as drivers of the micro-kernel over blocks of output pixels.

Arrays are N H W C here, with channels contiguous. A block of output rows of one image is computed at a time: small
enough that its input window, with zeros for the padding, stays in the core's cache.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.contraction import contract, copy_floats, zero_floats
from minipose.kernels.cpu.tiles import host_tile

TILE = host_tile()
ROWS, VECTORS, LANES, COLUMNS = TILE.rows, TILE.vectors, TILE.lanes, TILE.columns
BLOCK = 192  # output pixels in a block: many tiles, and a window that fits the second-level cache


@kernel(read(4), write(5, "C"))
def pack_panels(weight, panels):
    """Copy weight (KH KW C F) into panels (P KH KW C COLUMNS) of adjacent output channels, zeros beyond F."""
    KH, KW, C, F = weight.shape
    for p in prange(panels.shape[0]):
        width = min(COLUMNS, F - p * COLUMNS)
        for a in range(KH):
            for b in range(KW):
                for c in range(C):
                    for j in range(width):
                        panels[p, a, b, c, j] = weight[a, b, c, p * COLUMNS + j]
                    for j in range(width, COLUMNS):
                        panels[p, a, b, c, j] = 0


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


@kernel(read(4), read(5, "C"), write(4), PAIR, PAIR, PAIR)
def correlate(x, panels, y, stride, dilation, offset):
    """y[n,i,j,f] = sum over a b c of x[n, i*s + a*d - offset, j*s + b*d - offset, c] * w[a,b,c,f]; x is 0 outside."""
    (sh, sw), (dh, dw), (top, left) = stride, dilation, offset
    N, _, _, C = x.shape
    _, OH, OW, F = y.shape
    P, KH, KW = panels.shape[:3]
    block_rows = max(1, min(OH, BLOCK // OW))
    blocks = -(-OH // block_rows)
    width = (OW - 1) * sw + (KW - 1) * dw + 1
    in_place = _inside(x, (OH - 1) * sh + (KH - 1) * dh + 1, width, top, left)
    # Adjacent kernel columns of adjacent pixels are one run of memory, unless dilation tears it apart.
    calls, run = (1, KW * C) if dw == 1 else (KW, C)
    for item in prange(N * blocks):
        n, row = item // blocks, item % blocks * block_rows
        rows = min(block_rows, OH - row)
        height = (rows - 1) * sh + (KH - 1) * dh + 1
        window = np.empty(1 if in_place else height * width * C, np.float32)
        if not in_place:
            _fill_window(window, x[n], row * sh - top, -left, height, width)
        line = x.strides[1] // 4 if in_place else width * C
        pixels = rows * OW
        tiles = -(-pixels // ROWS)
        reads, writes = np.empty(tiles * ROWS, np.int64), np.empty(tiles * ROWS, np.int64)
        for p in range(tiles * ROWS):
            i, j = divmod(min(p, pixels - 1), OW)  # rows beyond the last pixel repeat it, and are thrown away
            reads[p] = i * sh * line + j * sw * C
            writes[p] = (i * y.strides[1] + j * y.strides[2]) // 4
        spill = np.empty((ROWS, COLUMNS), np.float32)
        spill_rows = np.arange(ROWS) * COLUMNS
        for p in range(P):
            valid = min(COLUMNS, F - p * COLUMNS)
            for t in range(tiles):
                # Numba frees an array after its last use, so addresses are taken here, where they are used.
                source = x[n, row * sh].ctypes.data if in_place else window.ctypes.data
                whole = valid == COLUMNS and (t + 1) * ROWS <= pixels
                if whole:
                    target, table = y[n, row].ctypes.data + 4 * p * COLUMNS, writes[t * ROWS :].ctypes.data
                else:
                    target, table = spill.ctypes.data, spill_rows.ctypes.data
                for b in range(calls):
                    at, with_ = source + 4 * b * dw * C, panels[p, 0, b].ctypes.data
                    if valid > LANES:
                        contract(ROWS, VECTORS, LANES, at, reads[t * ROWS :].ctypes.data, with_, target, table,
                                 KH, dh * line, KW * C * COLUMNS, run, 1, COLUMNS, b > 0)  # fmt: skip
                    else:
                        contract(ROWS, 1, LANES, at, reads[t * ROWS :].ctypes.data, with_, target, table,
                                 KH, dh * line, KW * C * COLUMNS, run, 1, COLUMNS, b > 0)  # fmt: skip
                if not whole:
                    for i in range(min(ROWS, pixels - t * ROWS)):
                        to = y[n, row].ctypes.data + 4 * (writes[t * ROWS + i] + p * COLUMNS)
                        copy_floats(to, spill[i].ctypes.data, valid)


@kernel(read(4), read(4), write(4, "C"), write(3, "C"), PAIR, PAIR, PAIR)
def correlate_with_grad(x, grad, weight, partial, stride, dilation, offset):
    """weight[a,b,c,f] = sum over n i j of x[n, i*s + a*d - offset, j*s + b*d - offset, c] * grad[n,i,j,f].

    Each of partial.shape[0] workers adds its share of the images in a fixed order into its own copy, padded to whole
    tiles; the copies are added in order at the end. So the result does not change from run to run.
    """
    (sh, sw), (dh, dw), (top, left) = stride, dilation, offset
    N, _, _, C = x.shape
    _, OH, OW, F = grad.shape
    KH, KW = weight.shape[:2]
    workers, K, width_f = partial.shape
    block_rows = max(1, min(OH, BLOCK // OW))
    blocks = -(-OH // block_rows)
    width = (OW - 1) * sw + (KW - 1) * dw + 1
    in_place = _inside(x, (OH - 1) * sh + (KH - 1) * dh + 1, width, top, left)
    panels = width_f // COLUMNS
    line = x.strides[1] // 4 if in_place else width * C
    for worker in prange(workers):
        mine = partial[worker]
        mine[:] = 0
        reads = np.empty(K, np.int64)
        for k in range(K):
            tap, c = divmod(min(k, KH * KW * C - 1), C)
            reads[k] = tap // KW * dh * line + tap % KW * dw * C + c
        writes = np.arange(ROWS) * width_f
        window = np.empty(1 if in_place else ((block_rows - 1) * sh + (KH - 1) * dh + 1) * width * C, np.float32)
        packed = np.zeros((panels, block_rows * OW, COLUMNS), np.float32)
        for item in range(worker * N * blocks // workers, (worker + 1) * N * blocks // workers):
            n, row = item // blocks, item % blocks * block_rows
            rows = min(block_rows, OH - row)
            if in_place:
                source = x[n, row * sh].ctypes.data
            else:
                _fill_window(window, x[n], row * sh - top, -left, (rows - 1) * sh + (KH - 1) * dh + 1, width)
                source = window.ctypes.data
            for i in range(rows):
                for j in range(OW):
                    pixel = grad[n, row + i, j].ctypes.data
                    for p in range(panels):
                        count = min(COLUMNS, F - p * COLUMNS)
                        copy_floats(packed[p, i * OW + j].ctypes.data, pixel + 4 * p * COLUMNS, count)
            for p in range(panels):
                for k in range(0, K, ROWS):
                    contract(ROWS, VECTORS, LANES, source, reads[k:].ctypes.data, packed[p].ctypes.data,
                             mine[k, p * COLUMNS :].ctypes.data, writes.ctypes.data,
                             rows, sh * line, OW * COLUMNS, OW, sw * C, COLUMNS, True)  # fmt: skip
    for tap in prange(KH * KW):
        for c in range(C):
            for f in range(F):
                total = np.float32(0)
                for worker in range(workers):
                    total += partial[worker, tap * C + c, f]
                weight[tap // KW, tap % KW, c, f] = total
