"""Convolution with fewer multiplications, by the matrices of `minimal`.

A square tile of the result sees a square of the input. With the matrices A, B and G of a filter with as many taps as
the kernel has rows

    y = A' [ (G w G') * (B x B') ] A      (* entry by entry, ' the transpose)

so for kernels of 3 x 3 and tiles of 4 x 4, 36 products stand for 144. Summed over input channels, each of the 36
entries is a matrix product of tiles by channels, which is the micro-kernel's work. With the upstream gradient g of the
tile the same is a trilinear form

    T(x, w, g) = sum over the entries of  (B x B') * (G w G') * (A g A')

whose derivative by w is G' [ sum over tiles of (B x B') * (A g A') ] G; the one by x is a convolution again, with the
kernel turned round and, for a stride of 2, zeros between the numbers of g, which no product is spent on. The constants
are not exact in float32 and the sums cancel: the error is some ten times that of the plain convolution, still a
millionth of the largest value.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange, types

from minipose.kernels.cpu import minimal
from minipose.kernels.cpu.compile import PAIR, Subroutine, kernel, read, write
from minipose.kernels.cpu.contraction import contract, copy_floats
from minipose.kernels.cpu.correlate import COLUMNS, LANES, ROWS, VECTORS, _fill_window, portion
from minipose.kernels.cpu.memory import LINE, workspace
from minipose.kernels.cpu.minimal import Minimal
from minipose.kernels.cpu.transform import call_transform, two_sided
from minipose.kernels.reference import Pair
from minipose.kernels.threads import get_num_threads

# Where this is faster, by the stride and the size of the kernel: with fewer channels C or F, or a smaller C * F, the
# transforms take as long as the multiplications that they save, and with fewer tiles to use them, the weights' entries.
LEAST_CHANNELS = {(1, 3): 16, (2, 3): 32, (2, 4): 32}
LEAST_PRODUCT = {(2, 3): 2048}
LEAST_TILES = {1: 32, 2: 64}
FEW_WEIGHTS = 1 << 13  # C * F; below, waking the threads costs more than they gain
CACHED = 1 << 17  # float32 numbers of a block of tiles, about: they should stay in the second-level cache
MOST_TILES = 96  # of a block
BY_CHANNELS = 4  # with fewer tiles than this times the channels, a gradient is dealt out by channels
CHUNK = 16  # channels whose weights are read, and whose entries are written, at once: a cache line, and a run of some

SIZES = types.UniTuple(types.int64, 4)


_transforms: dict[str, Subroutine] = {}


def _transform(matrix: str, method: Minimal) -> Subroutine:
    """Return the product with "A", "At", "B", "G" or "Gt" of a method, At being the transpose of A."""
    name = f"{matrix}_{method.name}"
    if name not in _transforms:
        values = getattr(method, matrix[0])
        _transforms[name] = two_sided(name, values.T if matrix.endswith("t") else values)
    return _transforms[name]


# Made now, though not compiled, for `minipose warmup` to find: forward, gradient by the weight, gradient by the input.
for _method in (minimal.plain(4, 3), minimal.strided(4, 3), minimal.strided(4, 4), minimal.spaced(4, 3, 1),
                minimal.spaced(4, 4, 2)):  # fmt: skip
    for _matrix in ("B", "At", "G", *(("A", "Gt") if _method.name in ("4_of_3", "4_of_4_strided") else ())):
        _transform(_matrix, _method)


def _fits(weight: tuple[int, ...], stride: Pair, dilation: Pair, groups: int) -> bool:
    """Return whether there is a method for a convolution by weight (F C KH KW), and channels enough for it."""
    F, C, KH, KW = weight
    kind = stride[0], KH
    if KH != KW or stride[0] != stride[1] or dilation != (1, 1) or groups != 1 or kind not in LEAST_CHANNELS:
        return False
    return min(F, C) >= LEAST_CHANNELS[kind] and F * C >= LEAST_PRODUCT.get(kind, 0)


def _if_worth(method: Minimal, y: tuple[int, ...], stride: Pair) -> Minimal | None:
    """Return the method, or None for a result y (N F OH OW) of few tiles, or of tiles with little in them."""
    (N, _, OH, OW), (tile_rows, tile_columns) = y, _counts(method, *y[2:])
    tiles = tile_rows * tile_columns
    return method if N * tiles >= LEAST_TILES[stride[0]] and 2 * tiles * method.side**2 <= 3 * OH * OW else None


def method(weight: tuple[int, ...], y: tuple[int, ...], stride: Pair, dilation: Pair, groups: int) -> Minimal | None:
    """Return how to convolve by weight (F C KH KW) to y (N F OH OW), or None where that would not be faster."""
    if not _fits(weight, stride, dilation, groups):
        return None
    return _if_worth((minimal.plain if stride == (1, 1) else minimal.strided)(4, weight[2]), y, stride)


def weight_grad_method(
    weight: tuple[int, ...], y: tuple[int, ...], stride: Pair, dilation: Pair, groups: int
) -> Minimal | None:
    """Return how to compute the gradient by the weight, or None where that would not be faster."""
    # For a kernel of 3 x 3 and a stride of 2, the sums of 81 entries take what fewer products save.
    return None if (stride[0], weight[2]) == (2, 3) else method(weight, y, stride, dilation, groups)


def input_grad_method(
    weight: tuple[int, ...], x: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Minimal | None:
    """Return how to compute the gradient by the input x (N C H W), with the kernel turned round, or None."""
    if not _fits(weight, stride, dilation, groups) or padding[0] != padding[1]:
        return None
    taps = weight[2]
    plain = stride == (1, 1)
    return _if_worth(minimal.plain(4, taps) if plain else minimal.spaced(4, taps, taps - 1 - padding[0]), x, stride)


def spread(size: int) -> int:
    """Round up to an odd number of cache lines.

    The entries of a tile lie that far apart. At a power of two they would crowd into a few sets of the cache, and
    drive each other out of it.
    """
    lines = -(-size // LINE)
    return (lines + 1 - lines % 2) * LINE


_spread = numba.njit(spread)


@numba.njit
def _transform_square(image, top, left, size, inside, window, function, target, points, step):
    """Write the transform of the square of `image` (H W C) at (top, left) to target, its entries `step` apart."""
    H, W, C = image.shape
    if inside and top >= 0 and left >= 0 and top + size <= H and left + size <= W:
        source = image.ctypes.data + top * image.strides[0] + left * image.strides[1]
        row, column = image.strides[0] // 4, image.strides[1] // 4
    else:
        _fill_window(window, image, top, left, size, size)
        source, row, column = window.ctypes.data, size * C, C
    call_transform(function, C, source, row, column, target, points * step, step)


@kernel(read(4), read(1, "C"), write(4), PAIR, PAIR, SIZES, PAIR, write(2, "C"), types.int64)
def _correlate(x, panels, y, offset, counts, sizes, transforms, scratch, T):
    """y = the correlation of x with the weights that `panels` holds the entries of, T tiles at a time."""
    N, _, _, C = x.shape
    _, OH, OW, F = y.shape
    step, reach, side, points = sizes
    entries = points * points
    P, panel_step = -(-F // COLUMNS), panels.size // entries
    tile_rows, tile_columns = counts
    total, workers = N * tile_rows * tile_columns, scratch.shape[0]
    depth, width_f = -(-C // LANES) * LANES, P * COLUMNS
    tile_step, product_step = _spread(T * depth), _spread(T * width_f)
    for worker in prange(workers):
        tiles, products = scratch[worker], scratch[worker, entries * tile_step :]
        window = scratch[worker, entries * (tile_step + product_step) :]
        square = window[reach * reach * C + LANES :]
        reads, writes, last_reads = np.arange(ROWS) * depth, np.arange(ROWS) * width_f, np.empty(ROWS, np.int64)
        begin, end = worker * total // workers, (worker + 1) * total // workers
        for first in range(begin, end, T):
            count = min(T, end - first)
            for t in range(count):
                n, i, j = _place(first + t, tile_rows, tile_columns)
                _transform_square(x[n], i * step - offset[0], j * step - offset[1], reach, C % LANES == 0, window,
                                  transforms[0], tiles.ctypes.data + 4 * t * depth, points, tile_step)  # fmt: skip
            for i in range(ROWS):  # where there are no more tiles, the last one again
                last_reads[i] = min(i, (count - 1) % ROWS) * depth
            for k in range(entries):
                for p in range(P):
                    operand = panels.ctypes.data + 4 * (k * panel_step + p * C * COLUMNS)
                    for t in range(0, count, ROWS):
                        source = tiles.ctypes.data + 4 * (k * tile_step + t * depth)
                        target = products.ctypes.data + 4 * (k * product_step + t * width_f + p * COLUMNS)
                        table = reads.ctypes.data if t + ROWS <= count else last_reads.ctypes.data
                        if F - p * COLUMNS > LANES:
                            contract(ROWS, VECTORS, LANES, source, table, operand, target,
                                     writes.ctypes.data, 1, 0, 0, 1, 0, 0, C, 1, COLUMNS, False)  # fmt: skip
                        else:
                            contract(ROWS, 1, LANES, source, table, operand, target,
                                     writes.ctypes.data, 1, 0, 0, 1, 0, 0, C, 1, COLUMNS, False)  # fmt: skip
            for t in range(count):
                n, i, j = _place(first + t, tile_rows, tile_columns)
                height, width = min(side, OH - i * side), min(side, OW - j * side)
                whole = height == side and width == side and F % LANES == 0
                if whole:
                    target, line, pixel = y[n, i * side, j * side].ctypes.data, y.strides[1] // 4, y.strides[2] // 4
                else:
                    target, line, pixel = square.ctypes.data, side * width_f, width_f
                call_transform(transforms[1], F, products.ctypes.data + 4 * t * width_f, points * product_step,
                               product_step, target, line, pixel)  # fmt: skip
                if not whole:
                    for a in range(height):
                        for b in range(width):
                            source = square.ctypes.data + 4 * (a * side + b) * width_f
                            copy_floats(y[n, i * side + a, j * side + b].ctypes.data, source, F)


@numba.njit
def _place(tile, tile_rows, tile_columns):
    """Return the image, the row and the column of a tile counted through all images."""
    line, j = divmod(tile, tile_columns)
    n, i = divmod(line, tile_rows)
    return n, i, j


@kernel(read(4), read(4), write(2, "C"), PAIR, PAIR, SIZES, PAIR, write(2, "C"), types.int64, types.int64)
def _weight_products(x, grad, partial, offset, counts, sizes, transforms, scratch, T, share):
    """partial[worker] (entries K F) = sum over the worker's tiles of (B x B') * (A grad A'), in whole blocks.

    Where its share is not all channels of x, a worker sums these over all tiles.
    """
    N, _, _, channels = x.shape
    F = grad.shape[3]
    step, reach, side, points = sizes
    entries, workers = points * points, partial.shape[0]
    point_step = partial.shape[1] // entries
    width_f = -(-F // COLUMNS) * COLUMNS
    tile_rows, tile_columns = counts
    total, split = N * tile_rows * tile_columns, share < channels
    panels, depth = width_f // COLUMNS, -(-share // LANES) * LANES
    tile_step, grad_step = _spread(T * depth + ROWS), _spread(T * width_f)
    for worker in prange(workers):
        mine = partial[worker]
        mine[:] = 0
        image = x[:, :, :, worker * share : (worker + 1) * share] if split else x
        C = image.shape[3]
        K = -(-C // ROWS) * ROWS
        tiles, grads = scratch[worker], scratch[worker, entries * tile_step :]
        window = scratch[worker, entries * (tile_step + grad_step) :]
        square = window[reach * reach * share + LANES :]
        reads, writes = np.arange(ROWS), np.arange(ROWS) * width_f
        begin, end = (0, total) if split else (worker * total // workers, (worker + 1) * total // workers)
        for first in range(begin, end if C else begin, T):
            count = min(T, end - first)
            for t in range(count):
                n, i, j = _place(first + t, tile_rows, tile_columns)
                _transform_square(image[n], i * step - offset[0], j * step - offset[1], reach, C % LANES == 0, window,
                                  transforms[0], tiles.ctypes.data + 4 * t * depth, points, tile_step)  # fmt: skip
                for p in range(panels):
                    part = grad[n, :, :, p * COLUMNS : (p + 1) * COLUMNS]
                    target = grads.ctypes.data + 4 * (p * T + t) * COLUMNS
                    _transform_square(part, i * side, j * side, side, part.shape[2] % LANES == 0, square,
                                      transforms[1], target, points, grad_step)  # fmt: skip
            for k in range(entries):
                for p in range(panels):
                    operand = grads.ctypes.data + 4 * (k * grad_step + p * T * COLUMNS)
                    for c in range(0, K, ROWS):
                        source = tiles.ctypes.data + 4 * (k * tile_step + c)
                        target = mine.ctypes.data + 4 * (k * point_step + c * width_f + p * COLUMNS)
                        contract(ROWS, VECTORS, LANES, source, reads.ctypes.data, operand, target, writes.ctypes.data,
                                 1, 0, 0, 1, 0, 0, count, depth, COLUMNS, True)  # fmt: skip


@kernel(read(4), write(1, "C"), types.int64, types.int64, alone=True)
def _weight_panels(weight, panels, points, transform):
    """panels (entries P C COLUMNS) = G w G', what is beyond F unused; weight is K K C F."""
    taps, _, C, F = weight.shape
    step, parts = panels.size // (points * points), -(-F // LANES)
    for item in prange(-(-C // CHUNK) * parts):
        f = item % parts * LANES
        square = np.zeros((taps, taps, LANES), np.float32)
        for c in range(item // parts * CHUNK, min((item // parts + 1) * CHUNK, C)):
            for a in range(taps):
                for b in range(taps):
                    values, tap = weight[a, b, c, f : f + LANES], square[a, b]
                    for lane in range(values.size):
                        tap[lane] = values[lane]
            target = panels.ctypes.data + 4 * ((f // COLUMNS * C + c) * COLUMNS + f % COLUMNS)
            call_transform(transform, LANES, square.ctypes.data, taps * LANES, LANES, target, points * step, step)


@kernel(read(2, "C"), write(4, "C"), types.int64, types.int64, types.int64, alone=True)
def _weight_taps(partial, weight, points, transform, share):
    """weight = G' [ sum over workers of partial ] G, the workers in order, or the one that has the channel's share."""
    workers, point_step = partial.shape[0], partial.shape[1] // (points * points)
    taps, _, C, F = weight.shape
    width_f = -(-F // COLUMNS) * COLUMNS
    for c in prange(C):
        entries, square = np.empty((points * points, LANES), np.float32), np.empty((taps, taps, LANES), np.float32)
        from_worker, to_worker = (c // share, c // share + 1) if share < C else (0, workers)
        for f in range(0, F, LANES):
            entries[:] = 0
            for worker in range(from_worker, to_worker):
                for k in range(points * points):
                    begin = k * point_step + c % share * width_f + f
                    values, sums = partial[worker, begin : begin + LANES], entries[k]
                    for lane in range(LANES):
                        sums[lane] += values[lane]
            call_transform(transform, LANES, entries.ctypes.data, points * LANES, LANES, square.ctypes.data,
                           taps * LANES, LANES)  # fmt: skip
            for a in range(taps):
                for b in range(taps):
                    values, tap = weight[a, b, c, f : f + LANES], square[a, b]
                    for lane in range(values.size):
                        values[lane] = tap[lane]


def _counts(method: Minimal, OH: int, OW: int) -> Pair:
    return -(-OH // method.side), -(-OW // method.side)


def _scratch(method: Minimal, C: int, width_f: int, steps: int) -> np.ndarray:
    """Return the workers' space for the entries of a block, a window of the input and one of the result."""
    size = method.points**2 * steps + method.reach**2 * C + LANES + method.side**2 * width_f + LANES
    return workspace("tiles", get_num_threads(), size)


def correlate(image: np.ndarray, weight: np.ndarray, y: np.ndarray, offset: Pair, method: Minimal) -> None:
    """y (N H W F) = the correlation of image (N H W C) with weight (K K C F), whose taps begin `offset` before it."""
    _, _, C, F = weight.shape
    entries, counts = method.points**2, _counts(method, *y.shape[1:3])
    depth, width_f = -(-C // LANES) * LANES, -(-F // COLUMNS) * COLUMNS
    panels = workspace("panels", entries * spread(width_f * C))
    run = _weight_panels if C * F >= FEW_WEIGHTS else _weight_panels.alone
    run(weight, panels, method.points, _transform("G", method).address)
    most = CACHED // (entries * (depth + width_f) * ROWS) * ROWS
    T = portion(y.shape[0] * counts[0] * counts[1], get_num_threads(), min(max(most, ROWS), MOST_TILES))
    rows = -(-T // ROWS) * ROWS
    scratch = _scratch(method, C, width_f, spread(rows * depth) + spread(rows * width_f))
    sizes = method.step, method.reach, method.side, method.points
    transforms = _transform("B", method).address, _transform("At", method).address
    _correlate(image, panels, y, offset, counts, sizes, transforms, scratch, rows)


def weight_grad(image: np.ndarray, grad: np.ndarray, weight: np.ndarray, offset: Pair, method: Minimal) -> None:
    """weight (K K C F) = the gradient of `correlate` by its weight for the gradient by its result, `grad`."""
    _, _, C, F = weight.shape
    counts, workers, width_f = _counts(method, *grad.shape[1:3]), get_num_threads(), -(-F // COLUMNS) * COLUMNS
    tiles = grad.shape[0] * counts[0] * counts[1]
    # Large weights are dealt out by channels, so that there is one sum of each and not one for each worker; then every
    # worker transforms the whole gradient.
    each = -(-C // (workers * LANES)) * LANES
    share = each if workers > 1 and tiles < BY_CHANNELS * min(C, F) and each < C else C
    T = min(tiles, MOST_TILES) if share < C else portion(tiles, workers, MOST_TILES)
    depth, rows = -(-share // LANES) * LANES, -(-share // ROWS) * ROWS
    scratch = _scratch(method, share, width_f, spread(T * depth + ROWS) + spread(T * width_f))
    partial = workspace("partial", workers, method.points**2 * spread(rows * width_f))
    sizes = method.step, method.reach, method.side, method.points
    transforms = _transform("B", method).address, _transform("A", method).address
    _weight_products(image, grad, partial, offset, counts, sizes, transforms, scratch, T, share)
    run = _weight_taps if C * F >= FEW_WEIGHTS else _weight_taps.alone
    run(partial, weight, method.points, _transform("Gt", method).address, share)
