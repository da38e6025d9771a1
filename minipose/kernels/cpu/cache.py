"""Compiled kernels on disk, for the next process.

Numba has such a cache too, but it looks only at the file that a kernel stands in, and not at the files that the kernel
takes inlined code or a tile from. Here a file's name holds a digest of everything that its code was made of. So what
is out of date is never found, and what is found is right, whichever process wrote it and when: nothing needs a lock.
A file comes into being whole, by renaming; and it begins with a digest of the rest, so that a damaged one is not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba import types
from numba.core import config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from minipose.kernels.cpu.tiles import host_tile

HERE = Path(__file__).parent
DIGEST_SIZE = 32
KEPT = 8  # files of one kernel in one folder: several CPUs, tiles and versions may share it


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest()


def _digest_of_files(paths: Iterable[Path]) -> bytes:
    return _digest(b"".join(_digest(path.read_bytes()) for path in sorted(paths)))


# Read when the first kernel is imported, not when one is compiled: an edit in between must not get the old code.
SOURCES = _digest_of_files(HERE.rglob("*.py"))


def _user_folder() -> Path:
    """Return where this system keeps a user's files that can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "minipose" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "minipose"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minipose"


def name_of(function: Callable) -> str:
    """Return "norm._sums" for `_sums` of minipose.kernels.cpu.norm."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"


@functools.cache
def folders() -> tuple[list[Path], Path | None]:
    """Return the folders to look for compiled kernels in, and the one that new kernels are written to, if any.

    NUMBA_CACHE_DIR comes first, or else the package's own folder; where that cannot be written, as in an installation
    that someone else made, it is still read, and new kernels go to the user's folder.
    """
    first = Path(config.CACHE_DIR) / "minipose" if config.CACHE_DIR else HERE / "__pycache__" / "kernels"
    candidates = [first]
    try:
        candidates.append(_user_folder())
    except RuntimeError:  # a user without a home
        pass
    for i, folder in enumerate(candidates):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return candidates[: i + 1], folder
    return candidates, None


class DiskCache:
    """The compiled versions of one function, behind the methods that Numba's dispatcher calls."""

    def __init__(
        self, function: Callable, name: str, on_miss: Callable[[], None], on_failure: Callable[[str], None]
    ) -> None:
        """Call `on_miss()` before a compilation, and `on_failure(reason)` where its result cannot be kept."""
        self.function, self.name, self.on_miss, self.on_failure = function, name, on_miss, on_failure
        # Kernels stand in one of the SOURCES; what is compiled elsewhere brings the files of its own folder.
        self.own_files = _digest_of_files(Path(function.__code__.co_filename).parent.glob("*.py"))
        self.cache_path = str(folders()[1])

    def file_name(self, signature: types.Type, target_context: Any) -> str:
        """Return the name of the file for this signature: a digest of all that the machine code depends on."""
        tile = host_tile()
        made_of = (
            SOURCES, self.own_files, self.name, str(signature), tile, numba.__version__, llvmlite.__version__,
            sys.implementation.cache_tag, target_context.codegen().magic_tuple(), config.OPT, config.BOUNDSCHECK,
        )  # fmt: skip
        return f"{self.name}-{tile.name}-{_digest(repr(made_of).encode()).hex()[:24]}.kernel"

    def load_overload(self, signature: types.Type, target_context: Any) -> CompileResult | None:
        """Return the compiled function, or None if it is not on disk or damaged."""
        target_context.refresh()
        for folder in folders()[0]:
            try:
                content = (folder / self.file_name(signature, target_context)).read_bytes()
            except OSError:
                continue
            data = content[DIGEST_SIZE:]
            if content[:DIGEST_SIZE] == _digest(data):
                return CompileResult._rebuild(target_context, *pickle.loads(data))
        self.on_miss()
        return None

    def save_overload(self, signature: types.Type, result: CompileResult) -> None:
        """Write the compiled function, if there is a place for it."""
        folder = folders()[1]
        if result.library.has_dynamic_globals:  # it holds addresses that mean nothing to another process
            return
        if folder is None:
            self.on_failure(f"none of these folders can be written: {', '.join(map(str, folders()[0]))}")
            return
        data = dumps(result._reduce())
        path = folder / self.file_name(signature, result.target_context)
        temporary = path.with_suffix(f".{uuid.uuid4().hex[:16]}")
        try:
            try:
                temporary.write_bytes(_digest(data) + data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            self.on_failure(f"{folder}: {error.strerror}")
            return
        with contextlib.suppress(OSError):  # another process may clear up at the same time
            for old in sorted(folder.glob(f"{self.name}-*.kernel"), key=os.path.getmtime)[:-KEPT]:
                old.unlink(missing_ok=True)

    def enable(self) -> None:
        """Do nothing: Numba's dispatcher calls this."""

    disable = flush = enable
