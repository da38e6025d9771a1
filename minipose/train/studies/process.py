"""A cell's run in a process of its own: whatever befalls it, the study goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
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
    with open(job.log, "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "minipose.train.studies"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=_environment(threads),
            start_new_session=True,  # Ctrl-C in the terminal reaches the study alone, which then tells each run once
        )
    try:
        _tell(process, job)
        while not stop():
            try:
                process.wait(LOOKING)
                break
            except subprocess.TimeoutExpired:
                pass
        process.stdin.close()
        said = process.communicate(timeout=PATIENCE)[0] if process.poll() is None else process.stdout.read()
    except subprocess.TimeoutExpired:
        return f"did not stop within {PATIENCE:.0f} s and was killed"
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
    return _outcome(process.returncode, said, job)


def _tell(process: subprocess.Popen, job: Job) -> None:
    line = json.dumps({"config": job.config, "folder": job.folder, "count": job.count})
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except BrokenPipeError:  # it has ended already; its exit status says why
        pass


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
