"""The folder of a run: one run at a time writes into it, and none silently over another."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from minipose.files import remove_leftovers

try:
    import fcntl
except ImportError:  # not POSIX: two runs into one folder go unnoticed there
    fcntl = None

LOCK = ".lock"
PATIENCE = 2.0  # seconds; the workers of a run that was killed may hold its lock for a moment longer
# What a run writes. Whoever begins anew removes it all, so that no picture of the run before stays beside new scores.
RESULTS = ("metrics.json", "curves.png", "predictions.png", "heatmaps.png")  # of the network as it was then
FILES = ("config.json", "log.csv", "log.jsonl", "last.safetensors", "best.safetensors", *RESULTS)
EVENTS = "tensorboard/events.out.tfevents*"


@contextlib.contextmanager
def locked_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """Make the folder, keep other runs out of it during a block, and remove what killed ones left half written.

    The operating system takes the lock from a process that ends, however it ends.

    Raises
    ------
    OSError
        If the folder cannot be written.
    RuntimeError
        If another run is writing into it.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OSError(f"{folder} is not a folder that can be written: {error.strerror}") from None
    try:
        _lock(handle, folder)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        for name in FILES:
            remove_leftovers(folder / name)
        yield folder
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    if fcntl is None:
        return
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                process = os.read(handle, 32).decode().strip() or "unknown"
                raise RuntimeError(
                    f"another run (process {process}) is writing into {folder}: wait for its end, stop it, or choose "
                    "another folder"
                ) from None
            time.sleep(0.05)
        except OSError as error:  # a file system without locks
            warnings.warn(f"{folder} cannot be locked ({error.strerror}): start no second run in it", stacklevel=4)
            return


def holds_a_run(folder: Path) -> bool:
    """Return whether there is something of a run in the folder that a new one would write over."""
    return any((folder / name).exists() for name in FILES[:5])


def remove_results(folder: Path) -> None:
    """Remove the scores and the pictures of a network that is about to be trained further."""
    for name in RESULTS:
        (folder / name).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove all that a run has written into the folder."""
    for path in [*(folder / name for name in FILES), *folder.glob(EVENTS)]:
        path.unlink(missing_ok=True)
