"""How fast the micro-kernel is on this CPU with tiles of other sizes: see docs/performance/tuning.md.

    python tests/benchmarks/tiles.py                      the largest tiles that fit the registers
    python tests/benchmarks/tiles.py 6x2x8 8x1x8 4x3x8    these: rows x vectors x lanes

One thread multiplies matrices that stay in its first-level cache, so that nothing but the tile counts. All candidates
are compiled first, and then take turns, so that all see the same weather on the machine; each has its best time.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from itertools import product

import numba
import numpy as np
from llvmlite import binding

from minipose.kernels.cpu.contraction import contract
from minipose.kernels.cpu.tiles import TILES, Tile, host_tile

CACHE = 24 * 1024  # bytes for both operands: half of a first-level cache of 48 KiB, most of one of 32
PRODUCTS = 200  # in one timing: about a millisecond
MOST_VECTORS = 4


def candidates(lanes: int, registers: int) -> list[Tile]:
    """Return the tiles of 1 to 4 vectors that fill the registers: the three tallest of each width."""
    tiles = []
    for vectors in range(1, MOST_VECTORS + 1):
        tallest = (registers - 1 - vectors) // vectors  # one register for the broadcast value, `vectors` for B
        tiles += [Tile("", rows, vectors, lanes) for rows in range(max(1, tallest - 2), tallest + 1)]
    return tiles


def candidates_here() -> list[Tile]:
    """Return the candidates for each length of vector that this CPU has, and the tile in use."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        found = candidates(16, 32) + candidates(8, 32)
    elif features.get("avx2"):
        found = candidates(8, 16)
    else:
        found = candidates(4, 16 if "86" in platform.machine() or "AMD64" in platform.machine() else 32)
    tile = host_tile()
    return list(dict.fromkeys([Tile("", tile.rows, tile.vectors, tile.lanes), *found]))


def multiplier(tile: Tile) -> Callable:
    """Return a compiled function that multiplies A (rows, K) and B (K, columns) into C, `count` times."""
    rows, vectors, lanes, columns = tile.rows, tile.vectors, tile.lanes, tile.columns

    @numba.njit
    def multiply(count, a, b, c, a_rows, c_rows):
        for _ in range(count):
            contract(rows, vectors, lanes, a.ctypes.data, a_rows.ctypes.data, b.ctypes.data, c.ctypes.data,
                     c_rows.ctypes.data, 1, 0, 0, 1, 0, 0, a.shape[1], 1, columns, False)  # fmt: skip

    return multiply


def prepared(tile: Tile) -> tuple[Callable[[], None], int]:
    """Return a function that runs PRODUCTS products of this tile, and how many operations that takes.

    Raises
    ------
    RuntimeError
        If the product is wrong.
    """
    rng = np.random.default_rng(0)
    K = CACHE // (4 * (tile.rows + tile.columns))
    a, b = rng.standard_normal((tile.rows, K), np.float32), rng.standard_normal((K, tile.columns), np.float32)
    c = np.empty((tile.rows, tile.columns), np.float32)
    a_rows, c_rows = np.arange(tile.rows) * K, np.arange(tile.rows) * tile.columns
    multiply = multiplier(tile)
    multiply(1, a, b, c, a_rows, c_rows)
    if not np.allclose(c, a @ b, rtol=1e-3, atol=1e-3):
        raise RuntimeError(f"the product of tile {size_of(tile)} is wrong")
    return lambda: multiply(PRODUCTS, a, b, c, a_rows, c_rows), 2 * tile.rows * tile.columns * K * PRODUCTS


def measure(tiles: list[Tile], rounds: int) -> dict[Tile, float]:
    """Return the best rate of each tile, in 10^9 operations (a product or a sum) per second."""
    work = {tile: prepared(tile) for tile in tiles}
    best = dict.fromkeys(tiles, 0.0)
    for _, (tile, (run, operations)) in product(range(rounds), work.items()):
        start = time.perf_counter()
        run()
        best[tile] = max(best[tile], operations / (time.perf_counter() - start) / 1e9)
    return best


def size_of(tile: Tile) -> str:
    return f"{tile.rows}x{tile.vectors}x{tile.lanes}"


def tile_of(text: str) -> Tile:
    """Return the tile that "6x2x8" stands for."""
    numbers = text.split("x")
    if len(numbers) != 3 or not all(n.isdecimal() and int(n) > 0 for n in numbers):
        raise argparse.ArgumentTypeError(f"a tile is rows x vectors x lanes, as 6x2x8, not {text!r}")
    return Tile("", *map(int, numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiles", nargs="*", type=tile_of, help="such as 6x2x8; by default those that fit the registers")
    parser.add_argument("--rounds", type=int, default=200, help="how often each takes its turn (default 200)")
    a = parser.parse_args()
    rates = measure(list(dict.fromkeys(a.tiles)) or candidates_here(), a.rounds)
    names = {size_of(tile): name for name, tile in TILES.items()}
    print(f"{'tile':<10}{'registers':>10}{'GFLOP/s':>10}{'of best':>9}  table")
    for tile, rate in sorted(rates.items(), key=lambda item: -item[1]):
        registers = tile.rows * tile.vectors + tile.vectors + 1
        name = names.get(size_of(tile), "")
        print(f"{size_of(tile):<10}{registers:>10}{rate:>10.1f}{rate / max(rates.values()):>9.2f}  {name}".rstrip())


if __name__ == "__main__":
    main()
