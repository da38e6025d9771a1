"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}  # disk full, file too large, quota used up


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` once the block has succeeded.

    The temporary name keeps the suffix of `path`, because image writers choose their format by it.
    When the block raises, the temporary file is removed and whatever stood at `path` is untouched.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written, or its disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():  # the system's own words would name the temporary file
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
    except OSError as error:  # which names the temporary file
        raise type(error)(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read; a result file gets the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # The system's own words name no file, or the temporary one.
        untouched = "; the file that was there before is untouched" if path.exists() else ""
        failure = OSError(f"{path} cannot be written: {error.strerror}{untouched}")
        failure.errno = error.errno
        raise failure from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write a JSON file to be read by people too, whole or not at all. Raises as `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_durably(path: str | os.PathLike, content: bytes) -> None:
    """Write a whole file that is still there after a power cut: file and folder are on the disk before this returns.

    Raises
    ------
    OSError
        As `atomic_path`.
    """
    path = Path(path)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_leftovers(path: str | os.PathLike) -> None:
    """Remove what programs left that were killed while they wrote to `path`; none may be writing to it now."""
    path = Path(path)
    for leftover in path.parent.glob(f"{glob.escape(_prefix(path))}????????{glob.escape(path.suffix)}"):
        leftover.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.stem}-"
