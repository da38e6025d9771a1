"""A program with one small kernel, which says what it computed and how it came to be; the tests run it by itself.

Its constants are part of the machine code: the numbers tell which tile the code was compiled for, whatever the
process believes.
"""

import json
import sys

import numpy as np
from numba import prange
from numba.np.ufunc.parallel import _iget_num_threads  # numba.get_num_threads cannot be kept on disk

from minipose.kernels.cpu import cache
from minipose.kernels.cpu.compile import kernel, write
from minipose.kernels.cpu.tiles import host_tile

ROWS, VECTORS, LANES = (getattr(host_tile(), name) for name in ("rows", "vectors", "lanes"))


@kernel(write(1))
def tile_of_code(result):
    """Write the tile into the first three numbers, and the number of threads into the others."""
    for i in prange(result.size):
        result[i] = _iget_num_threads()
    result[0], result[1], result[2] = ROWS, VECTORS, LANES


def threads_of_code():
    """Return how many threads a kernel has that is called here and now."""
    result = np.zeros(97, np.float32)
    tile_of_code(result)
    assert (result[3:] == result[3]).all()
    return int(result[3])


def report(**more):
    result = np.zeros(7, np.float32)
    tile_of_code(result)
    return {
        "tile": result[:3].tolist(), "compiled": sum(tile_of_code.compiled.stats.cache_misses.values()),
        "folder": str(cache.folders()[1]), **more,
    }  # fmt: skip


if __name__ == "__main__":
    for statement in sys.argv[1:]:  # what a test changes beforehand
        exec(statement)
    print(json.dumps(report()))
