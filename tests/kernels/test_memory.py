import threading

import numpy as np
import pytest

from minipose.kernels.cpu import memory

LARGE = (3, 7, 11, 512)  # more than memory.SMALL bytes


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(memory, "_kept", memory.defaultdict(list))
    monkeypatch.setattr(memory, "_total", 0)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_the_last_view_is_gone():
    array = memory.empty(LARGE)
    place, view = address(array), array.transpose(3, 0, 2, 1)[5:]
    del array
    assert address(memory.empty(LARGE)) != place, "a view was still there"
    del view
    array = memory.empty((LARGE[0] * LARGE[1], LARGE[2], LARGE[3]))  # another shape of that size
    assert address(array) == place
    assert address(memory.empty(LARGE)) != place, "it was handed out twice"


def test_arrays_do_not_share_memory_while_they_live():
    arrays = [memory.empty(LARGE) for _ in range(4)]
    for i, array in enumerate(arrays):
        array.fill(i)
    assert [array.min() for array in arrays] == [array.max() for array in arrays] == [0, 1, 2, 3]


def test_no_more_than_the_limit_is_kept(monkeypatch):
    size = 4 * int(np.prod(LARGE))
    monkeypatch.setattr(memory, "LIMIT", 2 * size)
    arrays = [memory.empty(LARGE) for _ in range(4)]
    del arrays
    assert memory.kept_bytes() == 2 * size == sum(m.nbytes for kept in memory._kept.values() for m in kept)
    again = [memory.empty(LARGE) for _ in range(3)]
    assert memory.kept_bytes() == 0 and len(again) == 3


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2), (3, 2, 0, 1)])
@pytest.mark.parametrize("shape", [LARGE, (2, 1, 3, 1)])
def test_empty_like_keeps_the_order_of_axes(order, shape):
    array = np.empty(shape, np.float32).transpose(order)
    result = memory.empty_like(array)
    assert result.shape == array.shape and result.dtype == np.float32
    assert result.transpose(np.argsort(order)).flags.c_contiguous
    assert result.flags.writeable


def test_a_workspace_is_the_same_memory_at_every_call_by_its_name():
    first = memory.workspace("test", 3, 5)
    assert first.shape == (3, 5) and first.dtype == np.float32 and first.flags.c_contiguous
    assert address(memory.workspace("test", 7)) == address(first)
    assert not np.shares_memory(memory.workspace("other", 15), first)
    larger = memory.workspace("test", 64, 1024)
    larger.fill(1)  # all of it is there
    assert address(memory.workspace("test", 3, 5)) == address(larger)


def test_python_threads_have_workspaces_of_their_own():
    mine = memory.workspace("test", 100)
    theirs = []
    thread = threading.Thread(target=lambda: theirs.append(memory.workspace("test", 100)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, theirs[0])
