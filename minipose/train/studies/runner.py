"""Runs the cells of a study side by side, in processes of this machine or on a Dask cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from minipose.checks import check_integer
from minipose.kernels.threads import most_threads
from minipose.train.report import TEST_COUNT
from minipose.train.studies.cells import Cell, check_folders
from minipose.train.studies.cluster import dask_cluster
from minipose.train.studies.process import Job, run_in_process

Submit = Callable[[Job], Future]
Stop = Callable[[], object]


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    jobs: int = 1,
    cluster: str | None = None,
    count: int = TEST_COUNT,
    say: Callable[[str], object] = print,
) -> dict[str, str]:
    """Run all cells that are not finished, each in a process of its own; one that fails does not stop the others.

    A run that was begun goes on where it stopped.

    Parameters
    ----------
    cells : sequence of Cell
    out : Path
        The study's folder; the runs are in out/cells/NAME-SEED, and what they print in out/cells/NAME-SEED.log.
    jobs : int
        Cells at a time, each with its share of the cores. Default 1.
    cluster : str, optional
        "local": a Dask cluster of `jobs` workers in this process. Or the address of a running one, such as
        tcp://host:8786, whose workers must see `out` under the same path. Default: none.
    count : int
        Images of each test set. Default 500.
    say : function of a text
        Told what begins and ends. Default `print`.

    Returns
    -------
    dict
        The reasons of the cells that failed, by their keys: empty if all went well.

    Raises
    ------
    ValueError
        If a cell's folder holds a run of other settings, before anything has begun.
    ImportError, OSError
        If there is no Dask, or no cluster at the address.
    KeyboardInterrupt
        After Ctrl-C, once all runs in progress are saved.
    """
    check_integer("run_cells", "jobs", jobs, 1)
    out = Path(out)
    check_folders(cells, out)
    waiting = [cell for cell in cells if cell.metrics(out, count) is None]
    if len(waiting) < len(cells):
        say(f"{len(cells) - len(waiting)} of {len(cells)} runs are finished already")
    if not waiting:
        return {}
    with _processes(jobs) if cluster is None else dask_cluster(cluster, jobs) as (submit, stop):
        futures = {submit(Job.of(cell, out, count)): cell for cell in waiting}
        try:
            return _gather(futures, out, count, say)
        except KeyboardInterrupt:
            say("interrupted: the runs in progress are being saved")
            stop()
            for _ in as_completed(futures):
                pass
            raise


@contextmanager
def _processes(jobs: int) -> Iterator[tuple[Submit, Stop]]:
    stop, executor = threading.Event(), ThreadPoolExecutor(jobs)
    threads = max(1, most_threads() // jobs)
    try:
        yield lambda job: executor.submit(run_in_process, job, threads, stop.is_set), stop.set
    finally:
        stop.set()
        executor.shutdown()


def _gather(futures: dict[Future, Cell], out: Path, count: int, say: Callable[[str], object]) -> dict[str, str]:
    """Wait for all cells, and return why those failed that did."""
    begun, failures = time.monotonic(), {}
    for done, future in enumerate(as_completed(futures), start=1):
        cell = futures[future]
        try:
            reason = future.result()
        except Exception as error:  # of the cluster: the process itself reports by its result
            reason = f"{type(error).__name__}: {error}"
        if not reason and cell.metrics(out, count) is None:
            reason = f"finished, but there is no whole {cell.folder(out) / 'metrics.json'}: do all workers see {out}?"
        if reason:
            failures[cell.key] = reason
        minutes = (time.monotonic() - begun) / 60
        say(f"[{done}/{len(futures)}, {minutes:.1f} min] {cell.key}: {reason or 'finished'}")
    return failures
