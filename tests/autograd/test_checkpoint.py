"""Recomputation: the same gradients to any order, less memory, and loud when the part is not the same twice."""

import gc
import weakref

import numpy as np
import pytest

import minipose
from minipose import Tensor, checkpoint, nn, ops


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, (3, 2), padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.runs = 0

    def forward(self, x, scale=1.0):
        self.runs += 1
        noise = minipose.randn(5, 1, 1, dtype=x.dtype)
        return ops.relu(self.norm(self.conv(x)) * noise) * scale


@pytest.fixture
def part():
    minipose.manual_seed(3)
    return Part().to("float64")


def derivatives(part, run, x, upstream):
    """Return the value, the gradients and second derivatives, and the running mean after them."""
    minipose.manual_seed(5)
    part.norm.running_mean.zero_()
    x = Tensor(x, requires_grad=True)
    y = run(part, x * 2, scale=3.0)
    inputs = [x, *part.parameters()]
    first = minipose.grad(y, inputs, Tensor(upstream), create_graph=True)
    second = minipose.grad(sum((g * g).sum() for g in first), inputs, allow_unused=True)
    mean = Tensor(part.norm.running_mean.data.copy())
    return [y, *first, *(g for g in second if g is not None), mean, minipose.randn(3)]


def test_derivatives_to_second_order_and_all_that_changes_are_the_same(part, rng):
    x, upstream = rng.standard_normal((2, 3, 7, 5)), rng.standard_normal((2, 5, 7, 6))
    plain = derivatives(part, lambda part, *a, **k: part(*a, **k), x, upstream)
    again = derivatives(part, checkpoint, x, upstream)
    assert part.runs == 3 and len(plain) == len(again)
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


def test_parameters_receive_their_gradients(part, rng):
    x, upstream = Tensor(rng.standard_normal((2, 3, 7, 5))), Tensor(rng.standard_normal((2, 5, 7, 6)))
    results = []
    for run in (part, lambda x: checkpoint(part, x)):
        minipose.manual_seed(5)
        part.zero_grad()
        run(x).backward(upstream)
        results.append([p.grad.data.copy() for p in part.parameters()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_the_part_saves_is_gone_until_backward(rng):
    made = []

    def part(x):
        inner = ops.exp(x)
        made.append(weakref.ref(inner))
        made.append(weakref.ref(inner.data))
        return (inner * inner).sum()

    x = Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    gc.disable()
    try:
        plain = part(x)
        assert made[-1]() is not None
        y = checkpoint(part, x)
        assert [r() for r in made[2:]] == [None, None]
        y.backward()
        plain_grad = minipose.grad(plain, x)[0]
        assert len(made) == 6 and [r() for r in made[2:]] == [None] * 4
    finally:
        gc.enable()
    np.testing.assert_allclose(x.grad.data, plain_grad.data, rtol=1e-12)


def test_one_inside_another(rng):
    def inner(x):
        return ops.exp(x) * x

    def outer(x):
        return checkpoint(inner, x * 2) * x

    x = Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    upstream = Tensor(rng.standard_normal((3, 5)))
    expected = minipose.grad(inner(x * 2) * x, x, upstream)[0]
    np.testing.assert_allclose(minipose.grad(checkpoint(outer, x), x, upstream)[0].data, expected.data, rtol=1e-12)


def test_a_chain_of_parts_twice_backward_with_retain_graph(rng):
    x = Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    y = x
    for _ in range(4):
        y = checkpoint(lambda x: ops.exp(x * 0.5) - x, y)
    y.sum().backward(retain_graph=True)
    first = x.grad.data.copy()
    y.sum().backward()
    np.testing.assert_allclose(x.grad.data, 2 * first, rtol=1e-12)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.sum().backward()


def test_without_recording_nothing_is_kept(part, rng):
    with minipose.no_grad():
        assert checkpoint(part, Tensor(rng.standard_normal((2, 3, 7, 5)))).grad_fn is None


def test_a_part_that_does_something_else_the_second_time(rng):
    lengths = iter([2, 3])

    def part(x):
        for _ in range(next(lengths)):
            x = x * x
        return x

    y = checkpoint(part, Tensor(rng.standard_normal(3), requires_grad=True))
    with pytest.raises(RuntimeError, match="checkpoint: the second run recorded 3 operations.* 2 of the first"):
        y.sum().backward()


def test_a_part_that_does_the_same_number_of_other_things(rng):
    functions = iter([ops.exp, ops.relu])
    y = checkpoint(lambda x: next(functions)(x), Tensor(rng.standard_normal(3), requires_grad=True))
    with pytest.raises(RuntimeError, match="checkpoint: the second run"):
        y.sum().backward()


def test_an_input_that_was_written_to(rng):
    x = minipose.ones(3)
    y = checkpoint(lambda x, w: x * w, x, Tensor(rng.standard_normal(3).astype("float32"), requires_grad=True))
    x.fill_(2)
    with pytest.raises(RuntimeError, match="checkpoint: an input was written to"):
        y.sum().backward()


def test_a_parameter_of_the_part_that_was_written_to(rng):
    w = Tensor(rng.standard_normal(3), requires_grad=True)
    y = checkpoint(lambda x: x * w * w, Tensor(np.ones(3)))
    w.data -= 1
    with pytest.raises(RuntimeError, match="checkpoint: an input was written to"):
        y.sum().backward()


def test_what_is_no_function():
    with pytest.raises(TypeError, match="checkpoint: .*3"):
        checkpoint(3, minipose.ones(2))
