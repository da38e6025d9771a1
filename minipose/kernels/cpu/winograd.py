"""Convolution 3x3 of stride 1 with a quarter of the multiplications (Winograd 1980; Lavin & Gray 2016, section 4).

A tile of 4 x 4 output pixels sees 6 x 6 input pixels. For constant matrices A (6 x 4), B (6 x 6) and G (6 x 3)

    y = A' [ (G w G') * (B x B') ] A      (* entry by entry, ' the transpose)

so 36 products stand for 144. Summed over input channels, each of the 36 entries is a matrix product of tiles by
channels, which is the micro-kernel's work. With the upstream gradient g of the tile the same is a trilinear form

    T(x, w, g) = sum over 36 entries of  (B x B') * (G w G') * (A g A')

whose derivative by w is G' [ sum over tiles of (B x B') * (A g A') ] G; the one by x is a convolution again, with the
kernel turned round. The constants are not exact in float32 and the sums cancel: the error is some ten times that of
the plain convolution, still a millionth of the largest value.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu.compile import PAIR, kernel, read, write
from minipose.kernels.cpu.contraction import contract, copy_floats
from minipose.kernels.cpu.correlate import COLUMNS, LANES, ROWS, VECTORS, _fill_window
from minipose.kernels.cpu.memory import empty
from minipose.kernels.cpu.transform import two_sided
from minipose.kernels.reference import Pair
from minipose.kernels.threads import get_num_threads

SIDE, REACH = 4, 6  # output and input pixels of a tile's side
POINTS = REACH * REACH
LINE = 16  # float32 numbers in a cache line
LEAST_CHANNELS, LEAST_TILES = 16, 64
FEW_WEIGHTS = 1 << 13  # C * F; below, waking the threads costs more than they gain
TILES = 48  # tiles of a block: enough rows for the micro-kernel, and a block that fits the second-level cache

A = np.array([[1, 0, 0, 0], [1, 1, 1, 1], [1, -1, 1, -1], [1, 2, 4, 8], [1, -2, 4, -8], [0, 0, 0, 1]], np.float64)
B = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
              [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], np.float64)  # fmt: skip
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float64) / 24

transform_input, transform_grad, transform_output = two_sided(B), two_sided(A), two_sided(A.T)
transform_weight, transform_taps = two_sided(G), two_sided(G.T)


def fits(weight: tuple[int, ...], y: tuple[int, ...], stride: Pair, dilation: Pair, groups: int) -> bool:
    """Return whether a convolution by weight (F C KH KW) to y (N F OH OW) can be done this way, and is faster for it.

    The weights' 36 entries are written and read once, which takes as long as some dozens of tiles save.
    """
    F, C, *kernel = weight
    if kernel != [3, 3] or stride != (1, 1) or dilation != (1, 1) or groups != 1 or min(F, C) < LEAST_CHANNELS:
        return False
    (N, _, OH, OW), (tile_rows, tile_columns) = y, _counts(*y[2:])
    tiles = tile_rows * tile_columns
    return N * tiles >= LEAST_TILES and 2 * tiles * SIDE * SIDE <= 3 * OH * OW


def spread(size: int) -> int:
    """Round up to an odd number of cache lines.

    The 36 vectors of a tile lie that far apart. At a power of two they would crowd into a few sets of the cache, and
    drive each other out of it.
    """
    lines = -(-size // LINE)
    return (lines + 1 - lines % 2) * LINE


_spread = numba.njit(spread)


@numba.njit
def _transform_tiles(image, first, rows, top, left, counts, window, tiles, step):
    """tiles[k, t, c] = B x B' at `point k * step + t * depth + c`, for rows of tiles counted through all images."""
    C = image.shape[3]
    depth = -(-C // LANES) * LANES
    tile_rows, tile_columns = counts
    width = tile_columns * SIDE + REACH - SIDE
    for r in range(rows):
        n, i = divmod(first + r, tile_rows)
        _fill_window(window, image[n], i * SIDE - top, -left, REACH, width)
        for j in range(tile_columns):
            for c in range(0, C, LANES):
                source = window.ctypes.data + 4 * (j * SIDE * C + c)
                target = tiles.ctypes.data + 4 * ((r * tile_columns + j) * depth + c)
                transform_input(LANES, source, width * C, C, target, REACH * step, step)


@kernel(read(4), read(1, "C"), write(4), PAIR, PAIR, types.int64, types.int64)
def _correlate(x, panels, y, offset, counts, workers, blocks):
    N, _, _, C = x.shape
    _, OH, OW, F = y.shape
    P, panel_step = -(-F // COLUMNS), panels.size // POINTS
    tile_rows, tile_columns = counts
    total = N * tile_rows
    depth, width_f = -(-C // LANES) * LANES, P * COLUMNS
    T = -(-(-(-total // blocks) * tile_columns) // ROWS) * ROWS
    tile_step, product_step = _spread(T * depth), _spread(T * width_f)
    for worker in prange(workers):
        window = np.empty(REACH * (tile_columns * SIDE + REACH - SIDE) * C + LANES, np.float32)
        tiles = np.zeros(POINTS * tile_step, np.float32)
        products = np.empty(POINTS * product_step, np.float32)
        square = np.empty((SIDE, SIDE, width_f), np.float32)
        reads, writes = np.arange(ROWS) * depth, np.arange(ROWS) * width_f
        for block in range(worker * blocks // workers, (worker + 1) * blocks // workers):
            first = block * total // blocks
            rows = (block + 1) * total // blocks - first
            _transform_tiles(x, first, rows, offset[0], offset[1], counts, window, tiles, tile_step)
            for k in range(POINTS):
                for p in range(P):
                    operand = panels.ctypes.data + 4 * (k * panel_step + p * C * COLUMNS)
                    for t in range(0, rows * tile_columns, ROWS):
                        source = tiles.ctypes.data + 4 * (k * tile_step + t * depth)
                        target = products.ctypes.data + 4 * (k * product_step + t * width_f + p * COLUMNS)
                        if F - p * COLUMNS > LANES:
                            contract(ROWS, VECTORS, LANES, source, reads.ctypes.data, operand, target,
                                     writes.ctypes.data, 1, 0, 0, C, 1, COLUMNS, False)  # fmt: skip
                        else:
                            contract(ROWS, 1, LANES, source, reads.ctypes.data, operand, target,
                                     writes.ctypes.data, 1, 0, 0, C, 1, COLUMNS, False)  # fmt: skip
            for t in range(rows * tile_columns):
                r, j = divmod(t, tile_columns)
                n, i = divmod(first + r, tile_rows)
                height, width = min(SIDE, OH - i * SIDE), min(SIDE, OW - j * SIDE)
                inside = height == SIDE and width == SIDE and F % LANES == 0
                for f in range(0, F, LANES):
                    source = products.ctypes.data + 4 * (t * width_f + f)
                    if inside:
                        target, line, pixel = y[n, i * SIDE, j * SIDE].ctypes.data, y.strides[1] // 4, y.strides[2] // 4
                    else:
                        target, line, pixel = square.ctypes.data, SIDE * width_f, width_f
                    transform_output(LANES, source, REACH * product_step, product_step, target + 4 * f, line, pixel)
                if not inside:
                    for a in range(height):
                        for b in range(width):
                            copy_floats(y[n, i * SIDE + a, j * SIDE + b].ctypes.data, square[a, b].ctypes.data, F)


@kernel(read(4), read(4), write(2, "C"), PAIR, PAIR)
def _weight_products(x, grad, partial, offset, counts):
    """partial[worker] (POINTS K F) = sum over the worker's tiles of (B x B') * (A grad A'), whole blocks of K and F."""
    N, _, _, C = x.shape
    F = grad.shape[3]
    workers, point_step = partial.shape[0], partial.shape[1] // POINTS
    K, width_f = -(-C // ROWS) * ROWS, -(-F // COLUMNS) * COLUMNS
    tile_rows, tile_columns = counts
    total = N * tile_rows
    per_block = max(1, TILES // tile_columns)
    T, panels, depth, width = per_block * tile_columns, width_f // COLUMNS, -(-C // LANES) * LANES, tile_columns * SIDE
    tile_step, grad_step = _spread(T * depth + ROWS), _spread(T * width_f)
    for worker in prange(workers):
        mine = partial[worker]
        mine[:] = 0
        window = np.empty(REACH * (width + REACH - SIDE) * C + LANES, np.float32)
        grad_window = np.empty(SIDE * width * F + LANES, np.float32)
        tiles = np.zeros(POINTS * tile_step, np.float32)
        grads = np.zeros(POINTS * grad_step, np.float32)
        reads, writes = np.arange(ROWS), np.arange(ROWS) * width_f
        begin, end = worker * total // workers, (worker + 1) * total // workers
        for first in range(begin, end, per_block):
            rows = min(per_block, end - first)
            _transform_tiles(x, first, rows, offset[0], offset[1], counts, window, tiles, tile_step)
            for r in range(rows):
                n, i = divmod(first + r, tile_rows)
                _fill_window(grad_window, grad[n], i * SIDE, 0, SIDE, width)
                for j in range(tile_columns):
                    for f in range(0, F, LANES):
                        p, at = divmod(f, COLUMNS)
                        source = grad_window.ctypes.data + 4 * (j * SIDE * F + f)
                        target = grads.ctypes.data + 4 * ((p * T + r * tile_columns + j) * COLUMNS + at)
                        transform_grad(LANES, source, width * F, F, target, REACH * grad_step, grad_step)
            for k in range(POINTS):
                for p in range(panels):
                    operand = grads.ctypes.data + 4 * (k * grad_step + p * T * COLUMNS)
                    for c in range(0, K, ROWS):
                        source = tiles.ctypes.data + 4 * (k * tile_step + c)
                        target = mine.ctypes.data + 4 * (k * point_step + c * width_f + p * COLUMNS)
                        contract(ROWS, VECTORS, LANES, source, reads.ctypes.data, operand, target, writes.ctypes.data,
                                 1, 0, 0, rows * tile_columns, depth, COLUMNS, True)  # fmt: skip


@kernel(read(4), write(1, "C"), alone=True)
def _weight_panels(weight, panels):
    """panels (POINTS P C COLUMNS) = G w G', what is beyond F unused; weight is 3 3 C F."""
    _, _, C, F = weight.shape
    step = panels.size // POINTS
    for part in prange(-(-F // LANES)):  # not over c: weights turned round lie beside each other by c
        f = part * LANES
        taps = np.zeros((3, 3, LANES), np.float32)
        for c in range(C):
            for a in range(3):
                for b in range(3):
                    values, tap = weight[a, b, c, f : f + LANES], taps[a, b]
                    for lane in range(values.size):
                        tap[lane] = values[lane]
            target = panels.ctypes.data + 4 * ((f // COLUMNS * C + c) * COLUMNS + f % COLUMNS)
            transform_weight(LANES, taps.ctypes.data, 3 * LANES, LANES, target, REACH * step, step)


@kernel(read(2, "C"), write(4, "C"), alone=True)
def _weight_taps(partial, weight):
    """weight = G' [ sum over workers of partial ] G, the workers in order."""
    workers, point_step = partial.shape[0], partial.shape[1] // POINTS
    _, _, C, F = weight.shape
    width_f = -(-F // COLUMNS) * COLUMNS
    for c in prange(C):
        points, taps = np.empty((POINTS, LANES), np.float32), np.empty((3, 3, LANES), np.float32)
        for f in range(0, F, LANES):
            points[:] = 0
            for worker in range(workers):
                for k in range(POINTS):
                    begin = k * point_step + c * width_f + f
                    values, sums = partial[worker, begin : begin + LANES], points[k]
                    for lane in range(LANES):
                        sums[lane] += values[lane]
            transform_taps(LANES, points.ctypes.data, REACH * LANES, LANES, taps.ctypes.data, 3 * LANES, LANES)
            for a in range(3):
                for b in range(3):
                    values, tap = weight[a, b, c, f : f + LANES], taps[a, b]
                    for lane in range(values.size):
                        values[lane] = tap[lane]


def _counts(OH: int, OW: int) -> Pair:
    return -(-OH // SIDE), -(-OW // SIDE)


def correlate(image: np.ndarray, weight: np.ndarray, y: np.ndarray, offset: Pair) -> None:
    """As `correlate.correlate` with a stride and a dilation of 1, for weight (3 3 C F)."""
    _, _, C, F = weight.shape
    panels = empty((POINTS * spread(-(-F // COLUMNS) * C * COLUMNS),))
    (_weight_panels if C * F >= FEW_WEIGHTS else _weight_panels.alone)(weight, panels)
    counts = _counts(*y.shape[1:3])
    threads, rows = get_num_threads(), y.shape[0] * counts[0]
    blocks = min(rows, threads * max(1, round(rows * counts[1] / (threads * TILES))))
    _correlate(image, panels, y, offset, counts, min(threads, blocks), blocks)


def weight_grad(image: np.ndarray, grad: np.ndarray, weight: np.ndarray, offset: Pair) -> None:
    """As `correlate.correlate_with_grad` with a stride and a dilation of 1, for weight (3 3 C F)."""
    _, _, C, F = weight.shape
    step = spread(-(-C // ROWS) * ROWS * -(-F // COLUMNS) * COLUMNS)
    partial = empty((get_num_threads(), POINTS * step))
    _weight_products(image, grad, partial, offset, _counts(*grad.shape[1:3]))
    (_weight_taps if C * F >= FEW_WEIGHTS else _weight_taps.alone)(partial, weight)
