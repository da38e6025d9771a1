"""The command `minipose`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import minipose

COMMANDS = ("warmup",)
WARMUP = (
    "Compile the loops that minipose runs on the CPU, so that no later run waits for it. Without this, each of them is "
    "compiled when a program first needs it, which makes the first training step some seconds longer. The compiled "
    "loops are kept in a folder on this machine and hold for this version of minipose: after an update, run it again. "
    "The environment variable NUMBA_CACHE_DIR names another folder."
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minipose", description="minipose, a deep-learning engine to learn backpropagation with."
    )
    parser.add_argument("--version", action="version", version=f"minipose {minipose.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    warmup_parser = commands.add_parser("warmup", help="compile the CPU kernels ahead of their use", description=WARMUP)
    warmup_parser.set_defaults(run=warmup)
    return parser


def warmup() -> int:
    """Compile all that is compiled, and report how long it took and where it is kept; return the exit status."""
    # Imported here because Numba takes a second, which `minipose --help` should not.
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments`, by default the program's own, and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    if not arguments:
        parser.error("which command? There is `minipose warmup`; see also `minipose --help`")
    if not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        parser.error(f"there is no command {arguments[0]!r}; there is: {', '.join(COMMANDS)}")
    try:
        return parser.parse_args(arguments).run()
    except ValueError as error:  # of an environment variable
        parser.error(str(error))
