"""Hooks on tensors: they see the whole gradient once, and may replace it."""

import numpy as np
import pytest

import minipose
from minipose import Tensor


@pytest.fixture
def leaf(rng):
    return Tensor(rng.standard_normal((3, 5)), requires_grad=True)


def test_a_leafs_hook_sees_the_sum_over_all_uses_once(leaf, rng, torch):
    upstream = rng.standard_normal((3, 5))
    seen, expected = [], []
    theirs = torch.tensor(leaf.data, requires_grad=True)
    theirs.register_hook(lambda g: expected.append(g.numpy()))
    (theirs * theirs * theirs).backward(torch.tensor(upstream))
    leaf.register_hook(lambda g: seen.append(g.data.copy()))
    (leaf * leaf * leaf).backward(Tensor(upstream))
    assert len(seen) == len(expected) == 1
    np.testing.assert_allclose(seen[0], expected[0], rtol=1e-12)


def test_an_interior_hook_replaces_the_gradient_for_all_before_it(leaf):
    middle = leaf * 3
    middle.retain_grad()
    middle.register_hook(lambda g: g * 2)
    (middle + middle).sum().backward()
    np.testing.assert_array_equal(middle.grad.data, np.full((3, 5), 4))
    np.testing.assert_array_equal(leaf.grad.data, np.full((3, 5), 12))


def test_a_leafs_hook_replaces_what_is_added_to_grad(leaf):
    leaf.register_hook(lambda g: g * -1)
    for _ in range(2):
        (leaf * 5).sum().backward()
    np.testing.assert_array_equal(leaf.grad.data, np.full((3, 5), -10))


def test_hooks_run_in_order_and_end_with_remove(leaf):
    order = []
    handles = [leaf.register_hook(lambda g, i=i: order.append(i)) for i in range(3)]
    handles[1].remove()
    handles[1].remove()
    leaf.sum().backward()
    assert order == [0, 2]


def test_grad_calls_hooks_too(leaf):
    leaf.register_hook(lambda g: g * 2)
    middle = leaf * 3
    middle.register_hook(lambda g: g * 5)
    by_leaf, by_middle = minipose.grad(middle.sum(), [leaf, middle])
    np.testing.assert_array_equal(by_leaf.data, np.full((3, 5), 30))
    np.testing.assert_array_equal(by_middle.data, np.full((3, 5), 5))


def test_a_hook_under_create_graph_can_be_differentiated(leaf):
    leaf.register_hook(lambda g: g * g)
    (leaf * leaf).sum().backward(create_graph=True)  # grad = 4 x^2
    (second,) = minipose.grad(leaf.grad.sum(), leaf)
    np.testing.assert_allclose(second.data, (8 * leaf.data) ** 2, rtol=1e-12)  # 8 x, and the hook squares that too


def test_a_hook_does_not_keep_the_tensor(leaf):
    import gc
    import weakref

    gc.disable()
    try:
        middle = leaf * 2
        middle.register_hook(lambda g: None)
        gone = weakref.ref(middle)
        del middle
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("wrong", [lambda g: g.data, lambda g: g.sum(), lambda g: g.to("float32"), lambda g: 1])
def test_a_hook_that_returns_something_else(leaf, wrong):
    leaf.register_hook(wrong)
    with pytest.raises(ValueError, match=r"hook: must return None or a Tensor of shape \(3, 5\) and float64"):
        leaf.sum().backward()


def test_wrong_registration(leaf):
    with pytest.raises(TypeError, match="register_hook: .*3"):
        leaf.register_hook(3)
    with pytest.raises(RuntimeError, match="register_hook: .*does not require"):
        minipose.ones(2).register_hook(print)
