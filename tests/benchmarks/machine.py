"""What was measured on: the processor, the threads, the versions."""

from __future__ import annotations

import os
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("minipose", "numpy", "numba", "llvmlite", "torch")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _vectors() -> str:
    """Return the widest vectors that the processor says it has."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    return next((name for name in ("avx512f", "avx2", "avx", "asimd") if name in flags), "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine(threads: int) -> dict[str, Any]:
    """Return the facts that figures of speed depend on."""
    facts = {"processor": _processor(), "vectors": _vectors(), "cores": os.cpu_count(), "threads": threads}
    return {**facts, "system": platform.system(), "python": platform.python_version(),
            **{package: _version(package) for package in PACKAGES}}  # fmt: skip


class Others:
    """Counts the processor time that other programs use from now on.

    What PyTorch's compiler starts, and does not wait for, counts among them.
    """

    def __init__(self) -> None:
        self.begin = self._now()

    def _now(self) -> tuple[float, float] | None:
        stat = Path("/proc/stat")
        if not stat.exists():
            return None
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy - sum(os.times()[:4])  # ours, and that of processes that have ended

    def share(self) -> float | None:
        """Return the share of all cores that others have used; None where the system does not tell."""
        if self.begin is None:
            return None
        seconds, used = (b - a for a, b in zip(self.begin, self._now(), strict=True))
        return max(0.0, used / seconds / os.cpu_count())
