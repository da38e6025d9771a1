"""The command `minipose`: one command a file, each with `add_arguments(parser)` and `run(arguments)`."""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence
from functools import partial

import minipose

COMMANDS = {
    "train": "train a network on stick figures",
    "evaluate": "score a trained network, set by set",
    "predict": "find the joints in your own pictures",
    "render": "draw a sheet of samples",
    "compare": "put several runs side by side",
    "summary": "list the layers of a network, or the networks that there are",
    "warmup": "compile the CPU kernels ahead of their use",
    "doctor": "check that this installation works",
}
EXIT_CODES = "exit status: 0 done, 1 failed (one line says why), 2 wrong use, 130 interrupted by Ctrl-C"


def _overview() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<10}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="minipose",
        usage="minipose [-h] [--version] COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Train pose networks on stick figures, and look inside.\n\ncommands:\n{commands}",
        epilog=f"`minipose COMMAND --help` has the options of each, with examples.\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"minipose {minipose.__version__}")
    return parser


def _show_warning(command: str, message: Warning | str, *place: object) -> None:
    """Print a warning as users read it: without the line of code that it comes from."""
    print(f"{command}: warning: {message}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments`, by default the program's own, and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    overview = _overview()
    if not arguments:
        overview.error(f"which command? There are: {', '.join(COMMANDS)}; see `minipose --help`")
    if arguments[0] not in COMMANDS:
        if arguments[0].startswith("-"):  # --help and --version, or an error
            overview.parse_args(arguments[:1])
        overview.error(f"there is no command {arguments[0]!r}; there are: {', '.join(COMMANDS)}")
    # Only what the command needs is imported: `minipose --help` should not wait for Numba and matplotlib.
    command = importlib.import_module(f"minipose.cli.{arguments[0]}")
    parser = argparse.ArgumentParser(
        prog=f"minipose {arguments[0]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=command.__doc__,
        epilog=f"{command.EXAMPLES}\n{EXIT_CODES}",
    )
    command.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, parser.prog)
            return command.run(options)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, RuntimeError, OSError, ArithmeticError, ImportError) as error:
        print(f"minipose {arguments[0]}: error: {error}", file=sys.stderr)
        return 1
