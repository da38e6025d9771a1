"""One cell of a study in a process of its own: `process.run_in_process` starts it and says what to do by a pipe.

The end of that pipe means to stop, whether the study was interrupted or has died: the run is then saved as by Ctrl-C.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import traceback
from pathlib import Path

from minipose.train.config import Config
from minipose.train.loop import Interrupted
from minipose.train.studies.cells import run_cell

INTERRUPTED = 130


def _interrupt_at_the_end_of_input() -> None:
    while os.read(0, 1024):  # sys.stdin has a lock that the end of the program would wait for
        pass
    _thread.interrupt_main()


def main() -> int:
    """Run the cell that a line of JSON on the standard input describes; print one line if it fails, and nothing else.

    Returns
    -------
    int
        0 done, 1 failed, 130 interrupted.
    """
    try:
        job = json.loads(sys.stdin.readline())
        threading.Thread(target=_interrupt_at_the_end_of_input, daemon=True).start()
        run_cell(Config(**job["config"]), Path(job["folder"]), job["count"])
    except (Interrupted, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        traceback.print_exc()
        print(" ".join(f"{type(error).__name__}: {error}".split()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
