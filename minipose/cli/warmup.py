"""Compile the loops that minipose runs on the CPU, so that no later run waits for it.

Without this, each of them is compiled when a program first needs it, which makes the first training step some seconds
longer. The compiled loops are kept in a folder on this machine and hold for this version of minipose: after an update,
run it again. The environment variable NUMBA_CACHE_DIR names another folder.
"""

from __future__ import annotations

import argparse
import time

EXAMPLES = "example:\n  minipose warmup\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this command has no options."""


def run(arguments: argparse.Namespace) -> int:
    """Compile all that is compiled, and report how long it took and where it is kept."""
    # Imported here because Numba takes a second, which `--help` should not.
    from minipose.data.stickmen import compiled_painter
    from minipose.kernels.cpu import compile as compilation
    from minipose.kernels.cpu.cache import folders
    from minipose.kernels.cpu.tiles import host_tile

    compilation.talkative = False  # this command says more
    begin = time.perf_counter()
    for kernel in compilation.KERNELS:
        start = time.perf_counter()
        kernel.compile()
        print(f"{kernel.name:<32}{time.perf_counter() - start:6.1f} s", flush=True)
    compiled_painter()
    print(f"{len(compilation.KERNELS)} kernels for {host_tile().name} in {time.perf_counter() - begin:.1f} s", end=", ")
    folder = folders()[1]
    print("kept in no folder, since none can be written" if folder is None else f"kept in {folder}")
    return 0 if folder else 1
