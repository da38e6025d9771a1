"""How much memory a process holds, as Linux counts it."""

from __future__ import annotations

import re
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status(name: str) -> int:
    return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)[1])


def resident_memory() -> int:
    """Return the bytes of memory that this process holds now.

    Raises
    ------
    OSError
        Elsewhere than on Linux.
    """
    return _status("VmRSS")


def peak_memory() -> int:
    """Return the most bytes that this process held at once since it began or since `reset_peak`; raises as above."""
    return _status("VmHWM")


def reset_peak() -> None:
    """Have `peak_memory` begin anew: what an import held for a moment is no business of a training step."""
    CLEAR.write_text("5")
