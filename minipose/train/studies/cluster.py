"""The cells of a study on a Dask cluster: a local one, or one that is running already."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress

from minipose.kernels.threads import most_threads
from minipose.train.studies.process import Job, run_in_process

LOCAL = "local"
TIMEOUT = 20  # seconds to find the cluster


@contextmanager
def dask_cluster(address: str, jobs: int) -> Iterator[tuple[Callable[[Job], Future], Callable[[], object]]]:
    """Yield what submits a job to the cluster, and what stops all jobs.

    Parameters
    ----------
    address : str
        "local" for a cluster within this process, or that of a scheduler.
    jobs : int
        Workers of a local cluster. Each of them only waits for the process of its cell.

    Raises
    ------
    ImportError
        If Dask is not installed.
    OSError
        If there is no cluster at the address, or it has no worker.
    """
    try:
        from distributed import Client, Event, LocalCluster
        from distributed.comm import get_address_host
    except ImportError:
        raise ImportError(
            "--cluster: the package distributed is missing; install it with: pip install 'minipose[cluster]'"
        ) from None
    options = {"n_workers": jobs, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    try:
        client = Client(LocalCluster(**options) if address == LOCAL else address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        raise OSError(f"--cluster: there is no Dask scheduler at {address!r}: {error}") from None
    cluster = client.cluster
    try:
        slots = _slots(client.nthreads(), get_address_host)
        if not slots:
            raise OSError(f"--cluster: the scheduler at {address!r} has no worker")
        event = Event(f"minipose-stop-{uuid.uuid4().hex}", client=client)
        executor = client.get_executor(pure=False, retries=0)
        yield lambda job: executor.submit(_run_on_worker, job, slots, event.name), event.set
    finally:
        client.close()
        if address == LOCAL:
            cluster.close()


def _slots(threads: Mapping[str, int], host_of: Callable[[str], str]) -> dict[str, int]:
    """Return, by the address of a worker, how many cells its machine runs at a time."""
    of_host: Counter[str] = Counter()
    for address, n in threads.items():
        of_host[host_of(address)] += n
    return {address: of_host[host_of(address)] for address in threads}


def _run_on_worker(job: Job, slots: dict[str, int], event_name: str) -> str:
    from distributed import Event, get_worker

    worker = get_worker()
    event = Event(event_name)
    threads = max(1, most_threads() // slots.get(worker.address, worker.state.nthreads))

    def stop() -> bool:
        with suppress(Exception):
            return event.is_set()
        return True  # the study that wants this result is gone

    return run_in_process(job, threads, stop)
