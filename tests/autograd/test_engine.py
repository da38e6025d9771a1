"""Graphs of every shape: what backward and grad return, what they free, and what they refuse."""

import gc
import weakref

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops


def leaf(*values):
    return minipose.tensor(list(values), requires_grad=True)


# ---- leaves and interior tensors ----


def test_leaf_gradients_accumulate_over_calls():
    x = leaf(2.0, 3.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4, 6])
    (x * 5).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [9, 11])
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [1, 1])


def test_a_leaf_may_be_differentiated_itself():
    x = leaf(2.0, 3.0)
    x.backward(minipose.tensor([5.0, 7.0]))
    np.testing.assert_array_equal(x.grad.data, [5, 7])


def test_interior_gradients_are_kept_on_request_only():
    x = leaf(2.0, 3.0)
    kept, dropped = x * 2, x * 3
    kept.retain_grad()
    loss = (kept * kept * dropped).sum()
    loss.backward(retain_graph=True)
    assert dropped.grad is None
    np.testing.assert_array_equal(kept.grad.data, [2 * 4 * 6, 2 * 6 * 9])
    x.retain_grad()  # a leaf keeps its gradient anyway
    with pytest.raises(RuntimeError, match="retain_grad: "):
        minipose.ones(2).retain_grad()


def test_an_interior_gradient_does_not_leak_into_the_next_call():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    (y * 3).backward()
    np.testing.assert_array_equal(x.grad.data, [4 + 12])


def test_nothing_flows_through_detach():
    x = leaf(2.0, 3.0)
    (x * x.detach()).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 3])
    assert x.detach().data is x.data and not x.detach().requires_grad


# ---- graphs of every shape ----


def test_diamond():
    x = leaf(2.0, 3.0)
    a = x * x
    b, c = a * 5, a.exp()
    (b * c).sum().backward()
    t = np.array([2.0, 3.0])
    expected = 5 * np.exp(t**2) * (2 * t + 2 * t**3)
    np.testing.assert_allclose(x.grad.data, expected, rtol=1e-5)


def test_the_same_tensor_many_times():
    x = leaf(2.0, 3.0)
    y = x
    for _ in range(6):
        y = y + y
    (y * x - x * x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2 * 64 * 2 - 3 * 4, 2 * 64 * 3 - 3 * 9])


def test_an_early_tensor_used_late():
    """x feeds the first and the last operation: every use must have arrived before x's maker runs backward."""
    x = leaf(2.0)
    a = x * 3
    b = a
    for _ in range(5):
        b = b * a
    (b + a).backward()
    np.testing.assert_allclose(x.grad.data, [6 * 6**5 * 3 + 3])


def test_ten_thousand_operations():
    x = leaf(2.0)
    y = x
    for i in range(10_000):
        y = y + (1 if i % 2 else -1)
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [1])


def test_a_long_graph_is_built_differentiated_twice_and_dropped():
    x = leaf(0.5)
    y = x
    for _ in range(3_000):
        y = y * 1.0001
    (g,) = minipose.grad((y * y).sum(), x, create_graph=True)
    g.backward()
    np.testing.assert_allclose(x.grad.data, [2 * 1.0001**6000], rtol=1e-3)


def test_a_graph_dies_without_the_garbage_collector(rng):
    gc.collect()
    gc.disable()
    try:
        x = Tensor(rng.standard_normal((2, 3, 7, 5)), requires_grad=True)
        w = Tensor(rng.standard_normal((3, 3, 3, 3)), requires_grad=True)
        y = ops.relu(ops.batch_norm(ops.conv2d(x, w, padding=1), None, None, training=True))
        y = ops.sigmoid(ops.max_pool2d(ops.interpolate(y, scale_factor=2), 3, 2)).exp().sqrt()
        y = ops.cat([y, y[:, :1]], dim=1).reshape(2, -1).permute(1, 0).amax(1)
        loss = (y / (y + 3)).mean()
        watched = [weakref.ref(t) for t in (y, loss, loss.grad_fn, y.grad_fn)]
        loss.backward()
        del y, loss
        assert [w() for w in watched] == [None] * 4
        undifferentiated = (x * w.sum()).exp().sum()
        watched = [weakref.ref(undifferentiated), weakref.ref(undifferentiated.grad_fn)]
        del undifferentiated
        assert [w() for w in watched] == [None] * 2
    finally:
        gc.enable()


def test_backward_frees_what_was_saved():
    x = leaf(2.0, 3.0)
    middle = x * 2
    watched = weakref.ref(middle)
    loss = (middle * middle).sum()
    del middle
    assert watched() is not None
    loss.backward()
    assert watched() is None


# ---- twice through a graph, and derivatives of higher order ----


def test_second_backward_says_what_to_do():
    x = leaf(2.0, 3.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="mul has already been differentiated.*retain_graph=True"):
        y.backward()


def test_retain_graph():
    x = leaf(2.0, 3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [8, 12])


def test_third_order():
    x = Tensor(np.array([0.3, -1.7]), requires_grad=True)
    y = (x**5).sum()
    for factor, power in ((5, 4), (20, 3), (60, 2), (120, 1)):
        (g,) = minipose.grad(y, x, create_graph=True)
        np.testing.assert_allclose(g.data, factor * x.data**power, rtol=1e-12)
        y = g.sum()


def test_backward_with_create_graph_leaves_a_gradient_that_can_be_differentiated():
    x = Tensor(np.array([2.0, 3.0]), requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    np.testing.assert_allclose(x.grad.data, [12, 18])


def test_backward_leaves_no_graph_by_default():
    x = leaf(2.0)
    (x * x).backward()
    assert not x.grad.requires_grad and x.grad.grad_fn is None
    (g,) = minipose.grad((x * x).sum(), x)
    assert not g.requires_grad


# ---- grad() ----


def test_grad_touches_no_attribute():
    x, w = leaf(2.0), leaf(5.0)
    g, h = minipose.grad(x * x * w, [x, w])
    assert (g.item(), h.item()) == (20, 4) and x.grad is None and w.grad is None


def test_grad_with_respect_to_interior_tensors_and_of_several_outputs():
    x = leaf(2.0, 3.0)
    y = x * x
    z = y * y
    by_y, by_x = minipose.grad([z, y], [y, x], [minipose.tensor([1.0, 10.0]), minipose.tensor([100.0, 1000.0])])
    np.testing.assert_array_equal(by_y.data, [2 * 4 + 100, 2 * 9 * 10 + 1000])
    np.testing.assert_array_equal(by_x.data, by_y.data * [4, 6])


def test_grad_of_an_output_by_itself_and_of_one_input_twice():
    x = leaf(2.0)
    a, b = minipose.grad(x * 3, [x, x])
    assert a.item() == b.item() == 3 and not np.shares_memory(a.data, b.data)
    y = x * 3
    (g,) = minipose.grad(y, y)
    assert g.item() == 1
    (g,) = minipose.grad(x, x)
    assert g.item() == 1


def test_grad_of_something_unused():
    x, other = leaf(2.0), leaf(3.0)
    unrelated = other * 2
    with pytest.raises(RuntimeError, match="grad: .*input 1.*allow_unused=True"):
        minipose.grad(x * x, [x, other])
    g, none, also_none = minipose.grad(x * x, [x, other, unrelated], allow_unused=True)
    assert g.item() == 4 and none is None and also_none is None


def test_grad_does_not_walk_branches_that_do_not_lead_to_the_inputs():
    visited = []

    class Watch(minipose.Function):
        def forward(self, x):
            return x * 1

        def backward(self, grad, wanted):
            visited.append(wanted)
            return (grad,)

    x, other = leaf(2.0), leaf(3.0)
    minipose.grad(Watch.apply(other) * x, x)
    assert visited == []
    (Watch.apply(other) * x).backward()
    assert visited == [(True,)]


def test_grad_errors():
    x = leaf(2.0, 3.0)
    with pytest.raises(ValueError, match="grad: input 1"):
        minipose.grad((x * x).sum(), [x, minipose.ones(2)])
    with pytest.raises(TypeError, match="grad: input 0 "):
        minipose.grad((x * x).sum(), [np.ones(2)])
    with pytest.raises(ValueError, match="grad: 2 outputs but 3 grad_outputs"):
        minipose.grad([x * 2, x * 3], x, [None, None, None])
    with pytest.raises(ValueError, match=r"grad: .*\(2,\)"):
        minipose.grad(x * 2, x)
    with pytest.raises(TypeError, match="grad: .*ndarray"):
        minipose.grad([np.ones(1)], x)


# ---- what backward is given ----


def test_backward_errors():
    x = leaf(2.0, 3.0)
    with pytest.raises(ValueError, match=r"backward: .*\(2,\)"):
        (x * x).backward()
    with pytest.raises(ValueError, match=r"backward: .*\(3,\).*\(2,\)"):
        (x * x).backward(minipose.ones(3))
    with pytest.raises(TypeError, match="backward: .*ndarray"):
        (x * x).backward(np.ones(2))
    with pytest.raises(RuntimeError, match="backward: .*does not require a gradient"):
        minipose.ones(1).backward()


def test_an_upstream_gradient_of_another_dtype_becomes_the_outputs(rng):
    x = Tensor(rng.standard_normal((2, 3, 7, 5)).astype(np.float32), requires_grad=True)
    w = Tensor(rng.standard_normal((2, 3, 3, 2)).astype(np.float32), requires_grad=True)
    y = ops.conv2d(x, w)
    y.backward(minipose.ones(*y.shape, dtype="float64"))
    assert x.grad.dtype == w.grad.dtype == minipose.float32


def test_the_gradient_has_the_dtype_of_the_input(rng):
    single = Tensor(rng.standard_normal((3, 5)).astype(np.float32), requires_grad=True)
    double = Tensor(rng.standard_normal(5), requires_grad=True)
    y = single * double
    assert y.dtype == minipose.float64
    y.sum().backward()
    assert single.grad.dtype == minipose.float32 and double.grad.dtype == minipose.float64


def test_zero_dimensional_and_empty_tensors():
    x = minipose.tensor(3.0, requires_grad=True)
    (x * x).backward()
    assert x.grad.shape == () and x.grad.item() == 6
    empty = minipose.zeros(0, 3, requires_grad=True)
    (empty * 2 + minipose.ones(3)).sum().backward()
    assert empty.grad.shape == (0, 3)
    one = minipose.ones(1, requires_grad=True)
    (empty.detach() * one).sum().backward()  # broadcast to nothing
    np.testing.assert_array_equal(one.grad.data, [0])


# ---- memory ----


@pytest.mark.parametrize("operation", [
    lambda a, b: a + b,
    lambda a, b: (a + b).reshape(5, 3).permute(1, 0),
    lambda a, b: ops.cat([a, b])[1:],
    lambda a, b: (a * 3).detach() * a - b,
    lambda a, b: (a.sum(0) + b.sum(1, keepdim=True)).expand(3, 5),
    lambda a, b: minipose.relu(a) + minipose.softmax(b, 1),
    lambda a, b: minipose.relu(a + b),
    lambda a, b: minipose.relu(a) * b + minipose.softmax(a, 1),
])  # fmt: skip
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_share_memory_with_nothing(operation, create_graph, rng):
    a, b = (Tensor(rng.standard_normal((3, 5)), requires_grad=True) for _ in range(2))
    y = operation(a, b)
    upstream = Tensor(rng.standard_normal(y.shape))
    y.backward(upstream, retain_graph=True, create_graph=create_graph)
    returned = minipose.grad(y, [a, b], upstream, create_graph=create_graph)
    arrays = [t.data for t in (a, b, upstream, a.grad, b.grad, *returned)]
    for i, first in enumerate(arrays):
        assert first.flags.writeable
        for second in arrays[:i]:
            assert not np.shares_memory(first, second)


def test_a_gradient_is_not_copied_where_nobody_else_has_it(rng):
    x, seen = Tensor(rng.standard_normal((3, 5)), requires_grad=True), []
    y = minipose.relu(x)
    first, second = minipose.grad(y, [x, x], minipose.ones(3, 5), retain_graph=True)
    assert not np.shares_memory(first.data, second.data)
    handle = x.register_hook(seen.append)
    y.backward(minipose.ones(3, 5), retain_graph=True)
    assert not np.shares_memory(x.grad.data, seen[0].data)
    handle.remove()
    x.grad, made = None, []
    original = ops.activation.ReLUGrad.forward
    ops.activation.ReLUGrad.forward = lambda self, *a, **o: made.append(original(self, *a, **o)) or made[0]
    try:
        y.backward(minipose.ones(3, 5))
    finally:
        ops.activation.ReLUGrad.forward = original
    assert np.shares_memory(x.grad.data, made[0])


def test_a_gradient_may_be_changed_in_place(rng):
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).sum().backward()
    a.grad.data *= 100
    np.testing.assert_array_equal(b.grad.data, [1, 1])
    (a + b).sum().backward()
    np.testing.assert_array_equal(a.grad.data, [101, 101])
