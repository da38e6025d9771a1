"""`minipose` in a process of its own, as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def command(*arguments, cwd=PROJECT, **variables):
    """Return the finished process; `variables` are added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "minipose", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **variables},
    )  # fmt: skip


def succeeds(*arguments, **options):
    """Return what a call prints that must succeed."""
    process = command(*arguments, **options)
    assert process.returncode == 0, process.stderr
    return process.stdout


def fails(*arguments, status=1, **options):
    """Return what stderr says of a call that must fail, which is no traceback."""
    process = command(*arguments, **options)
    assert process.returncode == status and "Traceback" not in process.stderr
    return process.stderr
