"""Clipping against torch's."""

import math

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.nn.utils import clip_grad_norm_, clip_grad_value_
from tests.oracle import TOLERANCES, assert_close, each_dtype

SHAPES = [(11,), (7, 5), (5, 3, 2, 2), (), (3, 0)]


def parameters(rng, dtype="float64", shapes=SHAPES, size=1.0):
    """Parameters with random gradients; the second has none."""
    result = [nn.Parameter(np.zeros(shape, dtype)) for shape in shapes]
    for i, p in enumerate(result):
        p.grad = None if i == 1 else Tensor(np.asarray(size * rng.standard_normal(p.shape), dtype))
    return result


def in_torch(torch, params):
    result = [torch.zeros(p.shape, dtype=torch.float64, requires_grad=True) for p in params]
    for p, q in zip(params, result, strict=True):
        q.grad = None if p.grad is None else torch.tensor(p.grad.data.astype("float64"))
    return result


def assert_same_gradients(params, others, tolerance):
    for p, q in zip(params, others, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            assert_close(p.grad.data, q.grad.numpy(), tolerance)


@each_dtype
@pytest.mark.parametrize("max_norm", [0.5, 0, 3, 1e6, math.inf])
@pytest.mark.parametrize("norm_type", [2.0, 1, 3, 0.5, 0, math.inf, "inf"])
def test_norm_is_clipped_as_in_torch(norm_type, max_norm, dtype, rng, torch):
    shapes = SHAPES[:-1] if norm_type in (math.inf, "inf") else SHAPES
    ours = parameters(rng, dtype, shapes)
    theirs = in_torch(torch, ours)
    grads, arrays = [p.grad for p in ours], [None if p.grad is None else p.grad.data for p in ours]
    total = clip_grad_norm_(iter(ours), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total.shape == () and total.dtype == dtype and not total.requires_grad
    assert_close(total.data, expected.numpy(), TOLERANCES[dtype])
    assert_same_gradients(ours, theirs, TOLERANCES[dtype])
    for p, grad, array in zip(ours, grads, arrays, strict=True):
        assert p.grad is grad and (grad is None or (grad.data is array and grad.dtype == dtype))


def test_the_norm_is_that_of_one_vector():
    p, q = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(1))
    p.grad, q.grad = Tensor(np.array([2.0, 3.0])), Tensor(np.array([6.0]))
    assert clip_grad_norm_([p, q], 3.5).item() == 7
    np.testing.assert_allclose([*p.grad.data, *q.grad.data], [1, 1.5, 3], rtol=1e-6)


@each_dtype
@pytest.mark.parametrize("clip_value", [0.5, 0, 1, math.inf])
def test_values_are_clipped_as_in_torch(clip_value, dtype, rng, torch):
    ours = parameters(rng, dtype)
    ours[0].grad.data[:4] = [0.5, -0.5, np.nan, np.inf]
    theirs = in_torch(torch, ours)
    assert clip_grad_value_(iter(ours), clip_value) is None
    torch.nn.utils.clip_grad_value_(theirs, clip_value)
    for p, q in zip(ours, theirs, strict=True):
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-6)


def test_one_tensor_stands_for_a_list_of_it(rng):
    p = parameters(rng)[0]
    clip_grad_value_(p, 0.1)
    assert clip_grad_norm_(p, 1e-3).item() > 0
    np.testing.assert_allclose(np.linalg.norm(p.grad.data), 1e-3, rtol=1e-2)


def test_without_gradients_the_norm_is_0():
    assert clip_grad_norm_([nn.Parameter(np.zeros(2))], 1.0).item() == clip_grad_norm_([], 1.0).item() == 0
    clip_grad_value_([nn.Parameter(np.zeros(2))], 1.0)


def test_gradients_of_several_precisions_have_one_norm(rng):
    a, b = parameters(rng, "float32", [(3,)])[0], parameters(rng, "float64", [(3,)])[0]
    expected = math.hypot(*a.grad.tolist(), *b.grad.tolist())
    assert clip_grad_norm_([a, b], 0.1).item() == pytest.approx(expected, rel=1e-6)
    assert a.grad.dtype == "float32" and b.grad.dtype == "float64"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # 0 * inf, as it must be
@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_norm_that_is_not_finite(bad, rng, torch):
    ours = parameters(rng)
    ours[0].grad.data[3] = bad
    before = ours[2].grad.data.copy()
    with pytest.raises(RuntimeError, match="^clip_grad_norm_: the norm of the gradients is (inf|nan), so they cannot"):
        clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(ours[2].grad.data, before)
    theirs = in_torch(torch, ours)
    clip_grad_norm_(ours, 1.0)
    torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    for p, q in zip(ours, theirs, strict=True):
        if p.grad is not None:
            np.testing.assert_array_equal(p.grad.data, q.grad.numpy())


@pytest.mark.parametrize("clip", [lambda p: clip_grad_norm_(p, 0.1), lambda p: clip_grad_value_(p, 0.1)])
def test_the_write_is_noticed(clip, rng):
    p = parameters(rng)[0]
    version = p.grad.version.count
    clip([p])
    assert p.grad.version.count > version


NOT_NUMBERS = [None, "1", True, [1.0], {}, object(), 1j, np.ones(2), minipose.ones(1), math.nan, -1.0, -math.inf]
NOT_PARAMETERS = [None, "weights", 1, True, object(), [None], [np.ones(2)], [1.0], ["weight"], {"weight": 1}]


@pytest.mark.parametrize(("name", "call", "values"), [
    ("clip_grad_norm_", lambda v: clip_grad_norm_([], v), NOT_NUMBERS),
    ("clip_grad_norm_", lambda v: clip_grad_norm_([], 1.0, v), [*NOT_NUMBERS, "2", "fro"]),
    ("clip_grad_norm_", lambda v: clip_grad_norm_([], 1.0, 2.0, v), [None, 0, 1.0, "True", object()]),
    ("clip_grad_norm_", lambda v: clip_grad_norm_(v, 1.0), NOT_PARAMETERS),
    ("clip_grad_value_", lambda v: clip_grad_value_([], v), NOT_NUMBERS),
    ("clip_grad_value_", lambda v: clip_grad_value_(v, 1.0), NOT_PARAMETERS),
])  # fmt: skip
def test_wrong_arguments_are_named(name, call, values):
    for value in values:
        with pytest.raises((ValueError, TypeError)) as raised:
            call(value)
        assert str(raised.value).startswith(f"{name}: "), f"{value!r}: {raised.value}"


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
def test_wrong_gradients_are_named(clip):
    p = nn.Parameter(np.zeros(2))
    for grad in (np.ones(2), 1.0, "gradient", Tensor(np.ones(2, int)), Tensor(np.broadcast_to(1.0, 2))):
        p.grad = grad
        with pytest.raises((ValueError, TypeError), match=f"^{clip.__name__}: "):
            clip([p], 1.0)


def test_a_gradient_without_entries_has_no_largest_one(rng):
    with pytest.raises(ValueError, match="^clip_grad_norm_: a gradient without entries has no largest one"):
        clip_grad_norm_(parameters(rng), 1.0, math.inf)


def test_it_is_where_torch_has_it():
    assert nn.utils.clip_grad_norm_ is clip_grad_norm_ and "utils" in nn.__all__
