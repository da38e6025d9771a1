"""The command that times tiles: it runs, it refuses what is no tile, and its candidates fit the registers."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
COMMAND = PROJECT / "tests" / "benchmarks" / "tiles.py"


@pytest.fixture(scope="module")
def tiles():
    spec = importlib.util.spec_from_file_location("tiles_benchmark", COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, str(COMMAND), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_table_of_the_tiles_asked_for():
    result = run("5x2x8", "3x1x4", "6x2x8", "--rounds", "1")
    assert result.returncode == 0, result.stderr
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["tile", "registers", "GFLOP/s", "of", "best", "table"]
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert set(rows) == {"5x2x8", "3x1x4", "6x2x8"}
    assert (rows["5x2x8"][0], rows["3x1x4"][0], rows["6x2x8"][3]) == ("13", "5", "avx2")
    rates = [float(line.split()[2]) for line in lines]
    assert rates == sorted(rates, reverse=True) and rates[-1] > 0


@pytest.mark.parametrize("text", ["6x2", "6x0x8", "axbxc", "6-2-8"])
def test_what_is_no_tile_is_refused(text):
    result = run(text)
    assert result.returncode == 2 and f"a tile is rows x vectors x lanes, as 6x2x8, not '{text}'" in result.stderr


@pytest.mark.parametrize(("lanes", "registers"), [(16, 32), (8, 16), (4, 32), (4, 16)])
def test_candidates_fit_the_registers_and_no_taller_one_does(lanes, registers, tiles):
    found = tiles.candidates(lanes, registers)
    for vectors in range(1, 5):
        rows = [tile.rows for tile in found if tile.vectors == vectors]
        needed = [r * vectors + vectors + 1 for r in (max(rows), max(rows) + 1)]
        assert needed[0] <= registers < needed[1] and all(tile.lanes == lanes for tile in found)


def test_a_wrong_product_is_noticed(tiles, monkeypatch):
    monkeypatch.setattr(tiles, "multiplier", lambda tile: lambda count, a, b, c, *rows: c.fill(0))
    with pytest.raises(RuntimeError, match="the product of tile 6x2x8 is wrong"):
        tiles.prepared(tiles.tile_of("6x2x8"))
