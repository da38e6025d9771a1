"""A cell's run in a process of its own: whatever befalls it, the study goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import minipose
from minipose.kernels.threads import VARIABLE
from minipose.train.studies.cells import Cell

INTERRUPTED = "interrupted"
LOOKING = 0.2  # seconds between looks whether to stop
PATIENCE = 60.0  # seconds that an interrupted run has to finish its step and save itself


@dataclass(frozen=True)
class Job:
    """What a process, here or on another machine, needs to know of a cell: plain values and absolute paths."""

    config: dict[str, Any]
    folder: str
    log: str
    count: int

    @classmethod
    def of(cls, cell: Cell, out: Path, count: int) -> Job:
        """Return the job of a cell."""
        out = out.absolute()
        return cls(asdict(cell.config), str(cell.folder(out)), str(cell.log(out)), count)


def run_in_process(job: Job, threads: int, stop: Callable[[], bool]) -> str:
    """Run a cell in a process that has `threads` threads, until it ends or `stop` says so.

    Returns
    -------
    str
        Why it failed, in one line; "interrupted" if it was stopped, "" if it is finished.
    """
    if stop():
        return INTERRUPTED
    Path(job.log).parent.mkdir(parents=True, exist_ok=True)
    # What it says goes into a file: a pipe would stay open as long as any process that it has started.
    with open(job.log, "a", encoding="utf-8") as log, tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "minipose.train.studies"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=log,
            env=_environment(threads),
            start_new_session=True,  # Ctrl-C in the terminal reaches the study alone, which then tells each run once
        )
        try:
            line = json.dumps({"config": job.config, "folder": job.folder, "count": job.count}) + "\n"
            with suppress(BrokenPipeError):  # it has ended already; its exit status says why
                process.stdin.write(line.encode())
            while process.poll() is None and not stop():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOKING)
            process.stdin.close()
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return f"did not stop within {PATIENCE:.0f} s and was killed"
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        return _outcome(process.returncode, said.read(), job)


def _environment(threads: int) -> dict[str, str]:
    here = str(Path(minipose.__file__).parents[1])  # the process must run this minipose, and not an installed one
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    return {**os.environ, VARIABLE: str(threads), "PYTHONPATH": path}


def _outcome(status: int, said: str, job: Job) -> str:
    if status == 0:
        return ""
    if status == 130:
        return INTERRUPTED
    if status < 0:
        return f"killed by {signal.Signals(-status).name}; see {job.log}"
    return said.strip() or f"ended with exit status {status}; see {job.log}"
