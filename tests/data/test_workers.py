import gc
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minipose.data import DataLoader, LoaderError, workers
from minipose.data.workers import WorkerTraceback
from tests.data.loading import Noise, Process, growing, jitter, odd, same

ROOT = Path(__file__).parents[2]


def workers_of(loader):
    return loader._processes.processes


def gone(pid):
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pids, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(map(gone, pids)):
            return True
        time.sleep(0.01)
    return False


def test_batches_are_the_same_for_any_number_of_workers_whatever_loop_was_left():
    alone = DataLoader(Noise(), 5, shuffle=True, seed=3, transform=jitter)
    loaders = [DataLoader(Noise(), 5, shuffle=True, seed=3, transform=jitter, workers=n) for n in (1, 2)]
    expected = [list(alone) for _ in range(4)]
    for loader in loaders:
        with loader:
            for batch, other in zip(loader, expected[0], strict=True):
                same(batch, other)
                assert batch.images.flags.writeable
            started = workers_of(loader)
            for batch in loader:  # epoch 1: left in its midst
                same(batch, expected[1][0])
                break
            with pytest.raises(ZeroDivisionError):
                for _ in loader:  # epoch 2
                    1 / 0  # noqa: B018
            kept = list(loader)
            for batch, other in zip(kept, expected[3], strict=True):
                same(batch, other)
            loader.set_epoch(2)
            for batch, other in zip(loader.batches(start=2), expected[2][2:], strict=True):
                same(batch, other)
            assert workers_of(loader) is started and all(process.is_alive() for process in started)
        for batch, other in zip(kept, expected[3], strict=True):  # nobody has written into their memory since
            same(batch, other)
        assert not any(process.is_alive() for process in started)


def test_each_worker_takes_its_turn_with_one_thread():
    with DataLoader(Process(), 2, workers=2, prefetch=1) as loader:
        seen = [batch.points[0, 0].tolist() for batch in loader]
        pids = [process.pid for process in workers_of(loader)]
        next(iter(loader))
        assert loader._processes.given - loader._processes.taken == 2  # while the loop's body works, so do they
    assert seen == [[pids[0], 1], [pids[1], 1]] * 2


def test_what_does_not_fit_into_the_shared_memory_comes_through_the_pipe():
    with DataLoader(Noise(60), 10, workers=1, collate=growing, prefetch=6) as loader:
        result = sum(loader, [])
    assert [len(array) for array in result] == [number**3 for number in range(60)]
    assert all((array == number).all() for number, array in enumerate(result))


def test_an_error_in_a_worker_names_the_sample_and_the_workers_line():
    loader = DataLoader(Noise(fails_at=[17]), 5, workers=2)
    seen = []
    with pytest.raises(LoaderError, match="DataLoader: sample 17 could not be loaded: .*no such picture") as info:
        seen.extend(batch.indices[0] for batch in loader)
    assert seen == [0, 5, 10]
    cause = info.value.__cause__
    assert isinstance(cause, FileNotFoundError) and cause.filename == "17.png"
    assert isinstance(cause.__cause__, WorkerTraceback) and "loading.py" in str(cause.__cause__)
    with pytest.raises(LoaderError, match="sample 5 could not be loaded: Odd: 1 and 2") as info:
        list(DataLoader(Noise(), 5, workers=1, transform=odd))
    assert str(info.value.__cause__) == "Odd: 1 and 2" and "in odd" in str(info.value.__cause__.__cause__)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_a_killed_worker_is_an_error_and_the_loader_can_be_used_again():
    loader = DataLoader(Noise(200), 5, workers=2)
    with pytest.raises(RuntimeError, match=r"DataLoader: worker 1 \(process \d+\) was ended by SIGKILL.*memory"):
        for number, _ in enumerate(loader):
            if number == 3:
                victim, other = workers_of(loader)[1], workers_of(loader)[0]
                os.kill(victim.pid, signal.SIGKILL)
    assert not other.is_alive()
    with loader:
        assert sum(len(batch) for batch in loader) == 200


def test_a_second_loop_ends_the_first():
    with DataLoader(Noise(), 5, workers=1) as loader:
        first = iter(loader)
        next(first)
        second = iter(loader)
        with pytest.raises(RuntimeError, match="another loop over this loader has begun"):
            next(first)
        assert len(list(second)) == 5


def test_a_loader_that_nobody_has_any_more_leaves_no_process():
    loader = DataLoader(Noise(), 5, workers=1)
    loop = iter(loader)
    next(loop)
    processes = workers_of(loader)
    del loader, loop
    gc.collect()
    assert not any(process.is_alive() for process in processes)


def test_what_cannot_go_to_a_worker():
    with pytest.raises(TypeError, match=r"DataLoader: .* cannot be pickled \(.*lambda.*\); define them at the top"):
        list(DataLoader(Noise(), 5, workers=1, transform=lambda sample, generator: sample))


def script(body, **popen):
    """Start a program that begins with what the tests below need."""
    imports = "import signal\nfrom minipose.data import DataLoader\nfrom tests.data.loading import Noise\n"
    return subprocess.Popen(
        [sys.executable, "-c", imports + body],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


LOOP = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
loader = DataLoader(Noise(200, sleeps_at=31), 5, workers=2)  # batch 6, which is given before 3 is taken
for number, batch in enumerate(loader):
    if number == 3:
        print(*(process.pid for process in loader._processes.processes), flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes where Linux lists them")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_when_the_parent_ends_its_workers_and_their_memory_are_gone(how):
    """One worker is asleep in its data set, the other waits; Ctrl-C goes to all of them, as in a terminal."""
    program = script(LOOP, start_new_session=True)
    pids = [int(word) for word in program.stdout.readline().split()]
    assert len(pids) == 2 and not any(map(gone, pids))
    maps = Path(f"/proc/{pids[0]}/maps").read_text()
    assert re.search(rf"/pym-{program.pid}-\w* \(deleted\)", maps)  # it has no name, so nothing has to remove it
    time.sleep(0.2)
    if how == signal.SIGINT:
        os.killpg(program.pid, how)
    else:
        os.kill(program.pid, how)
    out, error = program.communicate(timeout=20)
    assert program.returncode == -how
    assert error.count("Traceback") == error.count("\nKeyboardInterrupt\n") == (how == signal.SIGINT)
    assert wait_until_gone(pids)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_workers_do_not_mind_ctrl_c_and_a_program_ends_by_itself_in_the_middle_of_a_loop():
    program = script(
        """
import os
signal.signal(signal.SIGINT, lambda *arguments: print("one moment"))  # as a trainer that finishes its step first
loader = DataLoader(Noise(200, sleeps_at=199), 5, workers=2)
for number, batch in enumerate(loader.batches(start=2), start=2):
    if number in (2, 20):
        os.killpg(0, signal.SIGINT)
    if number == 36:
        break
print(number)
""",
        start_new_session=True,
    )
    out, error = program.communicate(timeout=20)
    assert (program.returncode, out.split(), error) == (0, ["one", "moment"] * 2 + ["36"], "")


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    file = tmp_path / "program.py"
    file.write_text("from minipose.data import *\nnext(iter(DataLoader(StickFigures(), workers=1)))")
    result = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert result.returncode == 1
    assert "ended with exit code 1; a script that uses workers must start below `if __name__" in result.stderr


def test_a_class_of_an_interactive_session_is_said_to_be_unknown():
    program = script("""
class Own(Noise):
    pass
next(iter(DataLoader(Own(), workers=1)))
""")
    error = program.communicate(timeout=60)[1]
    assert "what a worker was given is not known there (AttributeError: " in error and program.returncode == 1


def test_room_is_neither_less_nor_more_than_what_arrays_need(rng):
    arrays = [np.empty((0, 16, 2), np.float32), rng.random(3), np.arange(5, dtype=np.uint8), rng.random((4, 4)).T]
    room = memoryview(bytearray(workers.packed_size(arrays)))
    assert workers._pack(arrays, room)[1] == [0, 24, 5, 128]
    data, lengths, _ = workers._pack([*arrays, rng.random(1)], room)
    assert lengths is None and len(pickle.loads(data)) == 5
