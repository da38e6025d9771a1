"""The drawing code as Python runs it, without a compiler: its single functions can be called, and it is an oracle."""

import importlib
import sys

import numba
import numpy as np

PACKAGE = "minipose.data.drawing"
PARTS = ("numbers", "render", "colours", "backgrounds", "textures", "figure", "decoys", "scene")


def load():
    """Import the modules a second time, with compilation switched off, and leave the first ones in place."""
    compiled = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(PACKAGE)}
    disabled, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, 1
    try:
        return [importlib.import_module(f"{PACKAGE}.{part}") for part in PARTS]
    finally:
        numba.config.DISABLE_JIT = disabled
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]
        sys.modules.update(compiled)


numbers, render, colours, backgrounds, textures, figure, decoys, scene = load()


def stream(seed, count=1024):
    return np.random.default_rng(seed).random(count), np.zeros(1, dtype=np.int64)


def table(rows=600):
    return np.zeros((rows, render.COLUMNS)), np.zeros(1, dtype=np.int64)


def rows(shapes):
    return shapes[0][: shapes[1][0]]


def strong_palettes(seed, count):
    """Palettes (3, 3) of figures of one colour."""
    palettes = np.empty((count, 3, 3))
    for index in range(count):
        numbers_of_one = stream((seed, index))
        colours.fill_palette(numbers_of_one, numbers.uniform(numbers_of_one, 0.0, 1.0), False, 0, palettes[index])
    return palettes
