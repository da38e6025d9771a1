"""Several threads, each with a graph and switches of its own."""

import threading

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn, ops


def run(functions):
    """Run functions in threads that start together, and return their results; an error in one is raised here."""
    barrier, results = threading.Barrier(len(functions)), [None] * len(functions)

    def work(i, function):
        barrier.wait()
        try:
            results[i] = function()
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_graphs_at_once_give_the_gradients_of_one_after_the_other(dtype):
    def train(seed):
        rng = np.random.default_rng(seed)
        x = Tensor(rng.standard_normal((2, 3, 7, 5)).astype(dtype))
        w = Tensor(rng.standard_normal((5, 3, 3, 2)).astype(dtype), requires_grad=True)
        for _ in range(5):
            loss = (ops.relu(ops.conv2d(x, w, padding=1)) * 0.1).exp().mean()
            loss.backward()
            w.data -= 0.1 * w.grad.data
            w.grad = None
        return w.data

    alone = [train(seed) for seed in (1, 2)]
    together = run([lambda: train(1), lambda: train(2)])
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_switches_hold_for_their_own_thread():
    inside, outside = threading.Event(), threading.Event()
    x = minipose.tensor([2.0], requires_grad=True)

    def without():
        with minipose.no_grad():
            inside.set()
            assert outside.wait(10)
            return (x * x).requires_grad

    def with_graph():
        assert inside.wait(10)
        recorded = (x * x).requires_grad
        outside.set()
        return recorded

    assert run([without, with_graph]) == [False, True]


def test_one_module_in_two_threads():
    layer = nn.Linear(3, 5)
    x = minipose.randn(7, 3)
    expected = minipose.grad(layer(x).exp().sum(), layer.weight)[0].data

    def gradient():
        return [minipose.grad(layer(x).exp().sum(), layer.weight)[0].data for _ in range(20)]

    for grads in run([gradient, gradient]):
        for grad in grads:
            np.testing.assert_array_equal(grad, expected)
