"""How many threads the CPU kernels use: one number for the process, whichever Python thread or forked child asks.

Numba keeps that number for each Python thread apart, gives a new thread all cores, and knows nothing of forks. So the
number is kept here, and each thread tells Numba at its first kernel after a change.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable

from minipose.checks import check_integer

VARIABLE = "MINIPOSE_NUM_THREADS"
SPINS = 10_000  # how often a waiting thread looks for work before it sleeps
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(SPINS)}  # the second is GNU OpenMP's, and goes first


class _Setting:
    """A number of threads, or None for all. Each change makes a new object, which a thread sees at a glance.

    It is found when it is needed, so that a wrong MINIPOSE_NUM_THREADS is an error of that call and not of the import.
    """

    def __init__(self, find: Callable[[], int | None]) -> None:
        self._find = find

    @functools.cached_property
    def wanted(self) -> int | None:
        return self._find()


class _ThisThread(threading.local):
    applied: _Setting | None = None


def _from_environment() -> int | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(f"{VARIABLE} is {text!r}, but must be a number of threads, 1 or more, or not be set")
    return min(int(text), most_threads())


def most_threads() -> int:
    """Return the number of threads that Numba starts: the cores that this process may use, or NUMBA_NUM_THREADS."""
    if "numba" in sys.modules:
        return sys.modules["numba"].config.NUMBA_NUM_THREADS
    text = os.environ.get("NUMBA_NUM_THREADS", "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(n: int) -> None:
    """Set how many threads the kernels on the CPU use, in every Python thread of this process.

    The setting also holds in processes that this one starts from then on, forked or spawned, since it is written to
    the environment variable MINIPOSE_NUM_THREADS. That variable sets the number before a program starts; there, a
    number above the number of cores means all of them. The results of a training run are the same to the last bit only
    for the same number of threads.

    Parameters
    ----------
    n : int
        At least 1, and at most the number of cores that the process may use (or NUMBA_NUM_THREADS, if that is set).
        Without any setting it is all of them.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is less than 1 or more than there are.
    RuntimeError
        In a forked process whose parent ran kernels by GNU OpenMP, if `n` is not 1: see `get_num_threads`.
    """
    global _setting
    check_integer("set_num_threads", "n", n, least=1)
    if n > most_threads():
        raise ValueError(
            f"set_num_threads: n must be at most {most_threads()}, the cores that this process may use, not {n}; "
            "to run more threads than cores, set NUMBA_NUM_THREADS before the program starts"
        )
    if n > 1 and _only_one():
        raise RuntimeError(
            "set_num_threads: this process was forked from one that ran kernels by OpenMP, and can use one thread "
            "only; start it by multiprocessing.get_context('spawn'), or set NUMBA_THREADING_LAYER=workqueue"
        )
    os.environ[VARIABLE] = str(int(n))
    _setting = _Setting(lambda: int(n))


def get_num_threads() -> int:
    """Return how many threads the kernels on the CPU use.

    It is what `set_num_threads` or MINIPOSE_NUM_THREADS said, or else the number of cores that the process may use.
    A process forked from one that ran kernels by GNU OpenMP, Numba's usual way on Linux, has one: OpenMP cannot start
    threads there. A spawned process has them all.

    Returns
    -------
    int
        At least 1.
    """
    if _only_one():
        return 1
    if _setting.wanted is not None:
        return _setting.wanted
    if _started():
        apply_num_threads()
        return sys.modules["numba"].get_num_threads()
    return most_threads()


def _started() -> bool:
    """Whether Numba has started its threads in this process or in one that it was forked from."""
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    return parallel is not None and parallel._is_initialized


def _only_one() -> bool:
    """Whether this is a forked process in which the threading layer must not start threads again."""
    if not _forked:
        return False
    omppool = sys.modules.get("numba.np.ufunc.omppool")  # the layer in use is the one that has been imported
    return omppool is not None and omppool.openmp_vendor == "GNU"


def start_threads() -> None:
    """Start Numba's threads, and have them wait for the next kernel awake for a moment, and asleep after it.

    To wake a thread takes longer than many a kernel, and a training step has some 150 of them. But where another
    program wants a core, a thread that spins for long, as OpenMP's do by default, keeps the working one from it. SPINS
    are a tenth to a half of a millisecond, which outlasts the Python between two kernels. The policy is read when the
    library is loaded; whoever sets one of these variables in the environment has it.
    """
    global turn
    import numba

    waiting = {} if WAITING.keys() & os.environ.keys() else WAITING
    os.environ.update(waiting)
    try:
        apply_num_threads()
        numba.get_num_threads()
    finally:
        for name in waiting:
            del os.environ[name]
    if turn is None and numba.threading_layer() == "workqueue":
        turn = threading.Lock()


def apply_num_threads() -> None:
    """Tell Numba how many threads the calling Python thread may use, if that changed since the last time."""
    if _here.applied is not _setting:
        _apply()


def _apply() -> None:
    global _to_restart
    import numba

    setting = _setting
    if _to_restart:
        _restart_threads()
        _to_restart = False
    if _only_one():
        numba.set_num_threads(1)
    elif setting.wanted is not None:
        numba.set_num_threads(setting.wanted)
    _here.applied = setting


def _restart_threads() -> None:
    """Start the threading layer anew in a forked child, where the parent's threads do not exist.

    Numba does not do so by itself, and GNU OpenMP, which remembers the process that it was started in, would end the
    child by a signal. Started again it runs in one thread; for two it would wait for the parent's, for ever.
    """
    from numba.np.ufunc import parallel

    parallel._is_initialized = False
    parallel._launch_threads()


def _after_fork() -> None:
    """Note, in a forked child, that the threads that Numba believes to have are gone."""
    global _setting, _forked, _to_restart, turn
    if turn is not None:  # another thread of the parent may hold it
        turn = threading.Lock()
    if _started():
        _forked = _to_restart = True
        wanted = _setting.wanted
        _setting = _Setting(lambda: wanted)


turn: threading.Lock | None = None  # held during a kernel where two at once would end the process: in workqueue
_setting = _Setting(_from_environment)
_here = _ThisThread()
_forked = _to_restart = False  # since Numba's threads were started
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
