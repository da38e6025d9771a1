"""Which tile is used: by the CPU's features, or by MINIPOSE_TILE."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minipose.kernels.cpu import tiles
from minipose.kernels.cpu.tiles import TILES, host_tile

REGISTERS = {"avx512": 32, "avx2": 16, "neon": 32, "sse": 16}
CPUS = {  # features and triple of the host, and the tile it should have
    "a server": ({"avx512f", "avx2", "fma"}, "x86_64-unknown-linux-gnu", "avx512"),
    "a laptop": ({"avx2", "fma"}, "x86_64-pc-windows-msvc", "avx2"),
    "AVX2 that cannot fuse": ({"avx2"}, "x86_64-unknown-linux-gnu", "sse"),
    "an old PC": ({"sse4.2"}, "x86_64-unknown-linux-gnu", "sse"),
    "an ARM server": ({"neon"}, "aarch64-unknown-linux-gnu", "neon"),
    "a Mac that names no features": (set(), "arm64-apple-darwin23", "neon"),
}


@pytest.mark.parametrize("cpu", CPUS)
def test_the_host_has_the_tile_of_its_features(cpu, monkeypatch):
    features, triple, expected = CPUS[cpu]
    monkeypatch.delenv("MINIPOSE_TILE", raising=False)
    monkeypatch.setattr(tiles.binding, "get_host_cpu_features", lambda: dict.fromkeys(features, True))
    monkeypatch.setattr(tiles.binding, "get_default_triple", lambda: triple)
    assert host_tile().name == expected


@pytest.mark.parametrize("name", TILES)
def test_the_variable_chooses(name, monkeypatch):
    monkeypatch.setenv("MINIPOSE_TILE", name)
    assert host_tile() is TILES[name] and host_tile().name == name


def test_a_wrong_name_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("MINIPOSE_TILE", "avx-512")
    with pytest.raises(ValueError, match="^MINIPOSE_TILE is 'avx-512', but must be one of avx512, avx2, neon, sse, "):
        host_tile()


@pytest.mark.parametrize("name", TILES)
def test_a_tile_fits_its_registers_and_hides_latency(name):
    tile = TILES[name]
    accumulators = tile.rows * tile.vectors
    # SSE's is one too large with the broadcast value: docs/performance/tuning.md says why it is kept.
    others = tile.vectors + (name != "sse")
    assert accumulators + others <= REGISTERS[name] and accumulators >= 8
    assert tile.columns == tile.vectors * tile.lanes


CONVOLUTIONS = """
import numpy as np
from minipose.kernels import cpu, reference
from minipose.kernels.cpu.tiles import host_tile
rng = np.random.default_rng(0)
x, w, g = (rng.standard_normal(s).astype(np.float32) for s in ((2, 5, 11, 7), (37, 5, 3, 2), (2, 37, 6, 8)))
options = {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
for name, arrays, more in (("conv2d", (x, w), {}), ("conv2d_input_grad", (g, w), {"size": (11, 7)}),
                           ("conv2d_weight_grad", (x, g), {"kernel": (3, 2)})):
    exact = getattr(reference, name)(*(a.astype(float) for a in arrays), **options, **more)
    error = np.abs(getattr(cpu, name)(*arrays, **options, **more) - exact).max() / np.abs(exact).max()
    assert error < 1e-5, (name, error)
print(host_tile().name)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", TILES)
def test_convolutions_with_every_tile(name):
    """One case each; `.ci/run` runs all tests of the kernels with each of the tiles for x86."""
    run = subprocess.run(
        [sys.executable, "-c", CONVOLUTIONS], env={**os.environ, "MINIPOSE_TILE": name}, capture_output=True, text=True,
        cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == name
