import gc
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from minipose.data import prefetch, to_input


def test_to_input_by_hand():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    images[1, 4, 2] = 0, 255, 51
    values = to_input(images)
    assert values.shape == (2, 3, 5, 7) and values.dtype == np.float32
    np.testing.assert_allclose(values[1, :, 4, 2], [-0.5, 0.5, -0.3], atol=1e-7)
    np.testing.assert_allclose(values, images.transpose(0, 3, 1, 2) / 255 - 0.5, atol=1e-7)


def test_to_input_is_channels_last_in_memory_whatever_it_gets():
    images = np.zeros((2, 5, 7, 3), dtype=np.uint8)
    for given in (images, np.asfortranarray(images), images[:, ::-1]):
        assert to_input(given).transpose(0, 2, 3, 1).flags.c_contiguous


def test_to_input_refuses_what_is_not_an_image():
    with pytest.raises(TypeError, match="must be uint8"):
        to_input(np.zeros((2, 5, 7, 3)))
    for shape in ((5, 7, 3), (2, 3, 5, 7)):
        with pytest.raises(ValueError, match=r"shape \(N, H, W, 3\)"):
            to_input(np.zeros(shape, dtype=np.uint8))


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def prefetch_threads():
    return [thread for thread in threading.enumerate() if thread.name == "minipose-prefetch"]


def test_prefetch_keeps_the_order():
    assert list(prefetch(range(100))) == list(range(100))
    assert list(prefetch([])) == []
    assert list(prefetch([None, None], depth=1)) == [None, None]
    assert not prefetch_threads()


def test_prefetch_works_in_another_thread_and_only_depth_items_ahead():
    made = []

    def items():
        for number in range(20):
            made.append(threading.current_thread())
            yield number

    iterator = prefetch(items(), depth=3)
    assert not made
    assert next(iterator) == 0
    assert wait_until(lambda: len(made) == 4)
    time.sleep(0.05)
    assert len(made) == 4
    assert next(iterator) == 1
    assert wait_until(lambda: len(made) == 5)
    assert threading.current_thread() not in made
    iterator.close()


def test_prefetch_raises_what_the_iterable_raises_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise KeyError("broken")

    iterator = prefetch(items())
    assert [next(iterator), next(iterator)] == [1, 2]
    with pytest.raises(KeyError, match="broken"):
        next(iterator)
    assert list(iterator) == []
    assert not prefetch_threads()
    with pytest.raises(TypeError):
        next(prefetch(5))


@pytest.mark.parametrize("leave", ["close", "break", "forget"])
def test_leaving_early_stops_the_thread(leave):
    iterator = prefetch(iter(int, 1))
    assert next(iterator) == 0
    assert prefetch_threads()
    if leave == "close":
        iterator.close()
        assert not prefetch_threads()
    elif leave == "break":
        for _ in iterator:
            break
    del iterator
    gc.collect()
    assert wait_until(lambda: not prefetch_threads())


def test_prefetch_refuses_a_depth_of_zero_at_once():
    with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
        prefetch(range(3), depth=0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("items", ["iter(int, 1)", "(time.sleep(60) for _ in range(9))"])
def test_ctrl_c_ends_the_program(items):
    script = f"""
import os, signal, threading, time
from minipose.data import prefetch
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
for item in prefetch({items}):
    time.sleep(0.01)
"""
    result = subprocess.run([sys.executable, "-c", script], timeout=20, capture_output=True, text=True, check=False)
    assert result.returncode != 0 and "KeyboardInterrupt" in result.stderr
