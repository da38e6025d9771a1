"""The number of threads: one for the process, in every Python thread, forked child and spawned worker.

Each case runs in a process of its own, since threads are started once and how is settled then. Three threads are
asked of Numba, which is more than some machines have cores, so that the number is the same everywhere.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minipose
from minipose.kernels import threads

PROJECT = Path(__file__).parents[2]
LAYERS = ["omp", "workqueue"] + ["tbb"] * (importlib.util.find_spec("tbb") is not None)
each_layer = pytest.mark.parametrize("layer", LAYERS)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
START = """
import json, os, signal, sys, threading
import numpy as np
import minipose
from minipose import get_num_threads, set_num_threads

def both():
    "What minipose says, and what a kernel has."
    from tests.kernels.probe import threads_of_code
    return [get_num_threads(), threads_of_code()]

def in_thread(run):
    results = []
    thread = threading.Thread(target=lambda: results.append(run()))
    thread.start(); thread.join(20)
    assert results, "the thread does not end"
    return results[0]

def in_child(run):
    "Return what a forked child computes, or how it ended."
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)  # in case it hangs
        os.write(write, json.dumps(run()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return json.loads(text) if status == 0 else f"ended by {status}"

def show(*results):
    print(json.dumps(results))
"""


def run(program, layer=None, python=(), **variables):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MINIPOSE", "NUMBA_NUM", "NUMBA_THR"))}
    own = {"PYTHONPATH": str(PROJECT), "NUMBA_NUM_THREADS": "3", **({"NUMBA_THREADING_LAYER": layer} if layer else {})}
    return subprocess.run(
        [sys.executable, *python, "-c", START + program], env={**clean, **own, **variables}, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


def results(program, layer=None, **variables):
    process = run(program, layer, **variables)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@each_layer
def test_the_number_holds_in_every_python_thread(layer):
    program = "before = both(); set_num_threads(2); here = both(); there = in_thread(both); in_thread(lambda: "
    program += "set_num_threads(1)); show(before, here, there, both(), in_thread(both))"
    assert results(program, layer) == [[3, 3], [2, 2], [2, 2], [1, 1], [1, 1]]


def test_the_number_is_known_before_numba_is_there():
    program = "a = get_num_threads(); set_num_threads(2); show(a, get_num_threads(), 'numba' in sys.modules, both())"
    assert results(program) == [3, 2, False, [2, 2]]


def test_what_numba_was_told_holds_until_minipose_is():
    program = "import numba; numba.set_num_threads(2); a = both(); set_num_threads(1); b = both(); show(a, b)"
    assert results(program) == [[2, 2], [1, 1]]


def test_the_environment_sets_the_number():
    assert results("show(both(), in_thread(both))", MINIPOSE_NUM_THREADS="2") == [[2, 2], [2, 2]]
    assert results("show(both())", MINIPOSE_NUM_THREADS="64") == [[3, 3]]
    assert results("show(both())", MINIPOSE_NUM_THREADS="") == [[3, 3]]


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "1e3", " ", "²"])
def test_a_wrong_environment_is_one_clear_error(value):
    process = run("both()", MINIPOSE_NUM_THREADS=value)
    assert process.returncode == 1
    assert f"ValueError: MINIPOSE_NUM_THREADS is {value!r}, but must be a number" in process.stderr


def test_without_a_setting_it_is_the_cores_that_numba_counts(monkeypatch):
    import numba

    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert threads.most_threads() == numba.config.NUMBA_NUM_THREADS
    monkeypatch.delitem(sys.modules, "numba")
    assert threads.most_threads() == numba.config.NUMBA_DEFAULT_NUM_THREADS


def test_more_threads_than_there_are_or_none_are_refused():
    most = threads.most_threads()
    with pytest.raises(ValueError, match=f"^set_num_threads: n must be at most {most}, the cores .*, not {most + 1};"):
        minipose.set_num_threads(most + 1)
    with pytest.raises(ValueError, match="^set_num_threads: n must be at least 1, not 0"):
        minipose.set_num_threads(0)
    with pytest.raises(TypeError, match="^set_num_threads: n must be an integer, not True"):
        minipose.set_num_threads(True)
    assert minipose.get_num_threads() <= most


CONVOLUTION = """
def convolution(seed=0):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((2, 3, 17, 13), np.float32), rng.standard_normal((5, 3, 3, 2), np.float32)
    from minipose.kernels import cpu, reference
    arguments = (1, 2), (1, 0), (1, 1), 1
    return bool(np.abs(cpu.conv2d(x, w, *arguments) - reference.conv2d(x, w, *arguments)).max() < 1e-4)
"""


@each_layer
def test_kernels_called_by_several_python_threads_at_once(layer):
    program = CONVOLUTION + """
convolution()
barrier, found = threading.Barrier(4), []
def work(seed):
    barrier.wait()
    for i in range(100):
        found.append(convolution(seed) and both() == [3, 3])
sys.setswitchinterval(1e-5)
workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()
show(len(found), all(found))
"""
    assert results(program, layer) == [400, True]


@each_layer
@forks
def test_kernels_in_a_child_forked_after_the_parent_ran_some(layer):
    program = CONVOLUTION + """
def child():
    return [convolution(), both(), in_thread(both), in_child(lambda: [convolution(), both()]), os.getpid() == parent]
parent = os.getpid()
convolution()
set_num_threads(2)
show(in_child(child), in_thread(lambda: in_child(child)), both(), convolution())
"""
    n = 1 if layer == "omp" and sys.platform == "linux" else 2
    child = [True, [n, n], [n, n], [True, [n, n]], False]
    assert results(program, layer) == [child, child, [2, 2], True]


@each_layer
@forks
def test_a_thread_of_a_forked_child_may_be_the_first_to_run_a_kernel(layer):
    program = CONVOLUTION + "convolution(); show(in_child(lambda: in_thread(lambda: convolution() and both())))"
    n = 1 if layer == "omp" and sys.platform == "linux" else 3
    assert results(program, layer) == [[n, n]]


@each_layer
@forks
def test_a_kernel_that_the_child_is_the_first_to_compile(layer):
    program = CONVOLUTION + "both(); show(in_child(lambda: in_thread(convolution)))"
    assert results(program, layer) == [True]


@each_layer
@forks
def test_a_child_forked_before_any_kernel_has_all_threads(layer):
    program = "show(in_child(both), in_child(both), both())"
    assert results(program, layer) == [[3, 3], [3, 3], [3, 3]]


@forks
def test_a_forked_child_that_cannot_have_two_threads_says_so():
    program = "both(); show(in_child(lambda: attempt(2)), in_child(lambda: attempt(1)))"
    attempt = """
def attempt(n):
    try:
        set_num_threads(n)
        return both()
    except RuntimeError as error:
        return str(error)
"""
    refused, allowed = results(attempt + program, "omp")
    if sys.platform == "linux":
        assert refused.startswith("set_num_threads: this process was forked") and "spawn" in refused
    assert allowed == [1, 1]


@each_layer
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_the_number_of_their_parent(layer, method, tmp_path):
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    (tmp_path / "work.py").write_text(START + CONVOLUTION + "def work(seed): return [convolution(seed), both()]\n")
    program = f"""
sys.path.insert(0, {str(tmp_path)!r})
import multiprocessing, work
if __name__ == "__main__":
    set_num_threads(2)
    parent = work.work(0)
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.map(work.work, range(6))
    show(parent, found)
"""
    n = 1 if method == "fork" and layer == "omp" and sys.platform == "linux" else 2
    assert results(program, layer) == [[True, [2, 2]], [[True, [n, n]]] * 6]


@each_layer
def test_batch_norm_is_the_same_to_the_last_bit_in_every_python_thread(layer):
    program = """
from minipose.kernels import cpu
x = np.random.default_rng(0).standard_normal((5, 7, 31, 29)).astype(np.float32)
def statistics(): return [a.tolist() for a in cpu.batch_statistics(x)]
set_num_threads(2)
show(in_thread(statistics), statistics(), in_thread(statistics))
"""
    first, second, third = results(program, layer)
    assert first == second == third
