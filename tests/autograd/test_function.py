"""Recording operations, asking for the gradients that are wanted, and Functions of one's own."""

import threading

import numpy as np
import pytest

import minipose
from minipose import Function, Tensor, ops
from minipose.kernels import cpu, reference


def leaf(*values):
    return minipose.tensor(list(values), requires_grad=True)


class TimesThree(Function):
    """A user's own operation, in ten lines."""

    def forward(self, x):
        return x * 3

    def backward(self, grad, wanted):
        return (grad * 3,)


# ---- recording ----


def test_no_grad_and_enable_grad_as_contexts():
    x = leaf(2.0)
    with minipose.no_grad():
        assert not minipose.is_grad_enabled()
        y = x * x
        with minipose.enable_grad():
            assert (x * x).requires_grad
        assert not (x * x).requires_grad
    assert minipose.is_grad_enabled() and not y.requires_grad and y.grad_fn is None


def test_no_grad_ends_with_an_error():
    with pytest.raises(KeyError), minipose.no_grad():
        raise KeyError
    assert minipose.is_grad_enabled()


def test_no_grad_and_enable_grad_as_decorators():
    x = leaf(2.0)

    @minipose.no_grad()
    def square():
        return x * x

    @minipose.enable_grad()
    def recorded():
        return x * x

    for _ in range(2):
        assert not square().requires_grad
        with minipose.no_grad():
            assert recorded().requires_grad
    assert minipose.is_grad_enabled()


def test_no_grad_holds_for_its_own_thread_only():
    seen = []
    with minipose.no_grad():
        thread = threading.Thread(target=lambda: seen.append(minipose.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_backward_under_no_grad_works():
    x = leaf(2.0)
    y = x * x
    with minipose.no_grad():
        y.backward()
    assert x.grad.item() == 4


def test_nothing_is_recorded_where_nothing_requires_a_gradient():
    y = minipose.ones(2) * minipose.ones(2)
    assert y.grad_fn is None and not y.requires_grad and y.is_leaf


# ---- wanted ----


@pytest.mark.parametrize(("kernels", "dtype"), [(cpu, "float32"), (reference, "float64")])
def test_the_first_convolution_never_computes_the_images_gradient(kernels, dtype, monkeypatch, rng):
    calls = []
    real = kernels.conv2d_input_grad
    monkeypatch.setattr(kernels, "conv2d_input_grad", lambda *a, **k: calls.append(1) or real(*a, **k))
    image = Tensor(rng.standard_normal((2, 3, 7, 5)).astype(dtype))
    first = Tensor(rng.standard_normal((3, 3, 3, 2)).astype(dtype), requires_grad=True)
    second = Tensor(rng.standard_normal((3, 3, 3, 2)).astype(dtype), requires_grad=True)
    ops.conv2d(ops.conv2d(image, first), second).sum().backward()
    assert len(calls) == 1 and first.grad is not None and second.grad is not None


@pytest.mark.parametrize("needed", [(True, False), (False, True)])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "matmul"])
def test_unwanted_gradients_are_not_computed_nor_given(name, needed, rng):
    inputs = [Tensor(np.abs(rng.standard_normal((5, 5))), requires_grad=r) for r in needed]
    y = getattr(ops, name)(*inputs)
    y.backward(Tensor(rng.standard_normal((5, 5))))
    assert [x.grad is not None for x in inputs] == list(needed)


def test_forward_knows_what_is_wanted():
    seen = []

    class Look(Function):
        def forward(self, a, b):
            seen.append(self.wanted)
            return a + b

        def backward(self, grad, wanted):
            seen.append(wanted)
            return grad, None

    Look.apply(leaf(1.0), minipose.ones(1)).backward()
    with minipose.no_grad():
        Look.apply(leaf(1.0), minipose.ones(1))
    assert seen == [(True, False), (True, False), (False, False)]


# ---- Functions of one's own ----


def test_a_custom_function():
    x = leaf(2.0, 3.0)
    y = TimesThree.apply(x)
    assert TimesThree.name == "TimesThree" and "TimesThree" in repr(y)
    y.backward(minipose.tensor([5.0, 7.0]))
    np.testing.assert_array_equal(x.grad.data, [15, 21])


def test_a_custom_function_that_saves_input_output_and_a_value():
    class Cube(Function):
        def forward(self, x):
            self.save_inputs(0)
            self.save_output()
            self.save(3)
            return x**3

        def backward(self, grad, wanted):
            (x,) = self.saved_inputs
            return (grad * self.saved[0] * self.saved_output / x,)

    x = Tensor(np.array([2.0, 5.0]), requires_grad=True)
    (g,) = minipose.grad(Cube.apply(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.data, 3 * x.data**2)
    (h,) = minipose.grad(g.sum(), x)
    np.testing.assert_allclose(h.data, 6 * x.data)


def broken(result):
    class Broken(Function):
        def forward(self, x):
            return x * 2

        def backward(self, grad, wanted):
            return result(grad)

    return Broken.apply(minipose.ones(2, 3, requires_grad=True))


@pytest.mark.parametrize(("result", "error", "text"), [
    (lambda grad: grad, TypeError, "Broken: backward must return a tuple of 1"),
    (lambda grad: (grad, grad), TypeError, "Broken: backward must return a tuple of 1"),
    (lambda grad: (minipose.ones(3, 2),), ValueError, r"Broken: .*\(3, 2\).*\(2, 3\)"),
    (lambda grad: (minipose.ones(3),), ValueError, r"Broken: .*\(3,\).*\(2, 3\)"),
    (lambda grad: (grad.data,), TypeError, "Broken: backward .*ndarray"),
])  # fmt: skip
def test_a_wrong_return_of_backward(result, error, text):
    with pytest.raises(error, match=text):
        broken(result).sum().backward()


def test_unwritten_functions_say_so():
    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="Empty: forward"):
        Empty.apply(minipose.ones(2))
    Empty.forward = lambda self, x: x * 1
    with pytest.raises(NotImplementedError, match="Empty: backward"):
        Empty.apply(leaf(1.0)).backward()
