"""How much of a product a core holds in its registers, by what its instruction set offers.

`docs/performance/tuning.md` tells how these numbers were found, and how to find them for another CPU.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from llvmlite import binding


@dataclass(frozen=True)
class Tile:
    """A block of rows x (vectors * lanes) results, kept in vector registers while the inner dimension goes by.

    rows * vectors accumulators, `vectors` operands and one broadcast value must fit the register file; and at least
    8 accumulators are needed to hide the latency of a fused multiply-add.
    """

    name: str
    rows: int
    vectors: int
    lanes: int  # float32 numbers in one vector

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes


AVX512 = Tile("avx512", rows=12, vectors=2, lanes=16)  # 24 accumulators + 2 + 1 of 32 registers
AVX2 = Tile("avx2", rows=6, vectors=2, lanes=8)  # 12 + 2 + 1 of 16
NEON = Tile("neon", rows=6, vectors=4, lanes=4)  # 24 + 4 + 1 of 32
SSE = Tile("sse", rows=3, vectors=4, lanes=4)  # 12 + 4 of 16; multiplies, then adds


TILES = {tile.name: tile for tile in (AVX512, AVX2, NEON, SSE)}
VARIABLE = "MINIPOSE_TILE"


def host_tile() -> Tile:
    """Return the tile for the CPU that this runs on, or the one that MINIPOSE_TILE names.

    Any tile gives right results on any CPU: LLVM makes long vectors of several short ones. It is only slower.

    Raises
    ------
    ValueError
        If MINIPOSE_TILE is no tile's name.
    """
    name = os.environ.get(VARIABLE)
    if name:
        if name not in TILES:
            raise ValueError(f"{VARIABLE} is {name!r}, but must be one of {', '.join(TILES)}, or not be set")
        return TILES[name]
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return AVX512
    if features.get("avx2") and features.get("fma"):
        return AVX2
    if features.get("neon") or "aarch64" in binding.get_default_triple() or "arm64" in binding.get_default_triple():
        return NEON
    return SSE
