import operator

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

CASES = [
    Case("where", lambda F, a, b, c: F.where(c > 0, a, b) * c, [(3, 5), (3, 5), (3, 5)]),
    Case("where_broadcast", lambda F, a, b, c: F.where(c > 0, a, b) * c, [(2, 1, 5), (3, 1), (3, 5)]),
    Case("where_number", lambda F, a: F.where(a > 0, a * a, -1.5) + F.where(a < 1, 2.0, a), [(3, 5)]),
    Case("where_method", lambda F, a, b, c: a.where(c > 0, b) * c, [(3, 5), (5,), (3, 1)]),
    Case("maximum", lambda F, a, b: F.maximum(a, b), [(3, 5), (3, 5)]),
    Case("maximum_broadcast", lambda F, a, b: F.maximum(a, b), [(2, 3, 1), (5,)]),
    Case("minimum", lambda F, a, b: F.minimum(a, b), [(3, 5), (3, 5)]),
    Case("minimum_broadcast", lambda F, a, b: F.minimum(a, b), [(5,), (2, 3, 1)]),
    Case("clamp", lambda F, a: F.clamp(a, -0.5, 0.7) * a, [(3, 7)]),
    Case("clamp_below", lambda F, a: F.clamp(a, min=-0.5), [(3, 7)]),
    Case("clamp_above", lambda F, a: a.clamp(max=0.7), [(3, 7)]),
    Case("clamp_by_tensors", lambda F, a, b, c: F.clamp(a, b, c), [(3, 7), (7,), (3, 1)]),
    Case("clamp_below_by_a_tensor", lambda F, a, b: F.clamp(a, b), [(3, 7), (7,)]),
    Case("clamp_the_wrong_way_round", lambda F, a: F.clamp(a, 0.7, -0.5) + a, [(3, 7)]),
    Case("lerp", lambda F, a, b: F.lerp(a, b, 0.3), [(3, 5), (3, 5)]),
    Case("lerp_beyond", lambda F, a, b: F.lerp(a, b, 1.7), [(3, 5), (5,)]),
    Case("lerp_by_a_tensor", lambda F, a, b, c: F.lerp(a, b, c), [(3, 5), (5,), (3, 1)]),
]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("second", ["float64", "float32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("first", ["float64", "float32", "int64", "uint8", "bool"])
def test_comparisons_are_those_of_torch(name, first, second, torch):
    a, b = np.array([[0, 1, 2, 1]]).astype(first), np.array([[1], [0], [2]]).astype(second)
    expected = getattr(torch, name)(torch.tensor(a), torch.tensor(b)).numpy()
    for actual in (getattr(ops, name)(Tensor(a), Tensor(b)), getattr(operator, name)(Tensor(a), Tensor(b)),
                   getattr(Tensor(a), name)(Tensor(b)), getattr(ops, name)(Tensor(a), b)):
        assert actual.dtype == minipose.bool_ and not actual.requires_grad
        np.testing.assert_array_equal(actual.data, expected)


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_with_numbers_on_either_side(name):
    values = np.array([1.0, 2.0, np.nan, np.inf])
    x, function = Tensor(values, requires_grad=True), getattr(operator, name)
    for number in (2, 2.0, True, np.float32(2)):
        np.testing.assert_array_equal(function(x, number).data, function(values, number))
        np.testing.assert_array_equal(function(number, x).data, function(number, values))
        np.testing.assert_array_equal(getattr(ops, name)(x, number).data, function(values, number))
    assert not function(x, 2).requires_grad


@pytest.mark.parametrize("name", COMPARISONS)
def test_what_cannot_be_compared(name):
    x = minipose.ones(2, 3)
    with pytest.raises(ValueError, match=rf"{name}: .*\(2, 3\).*\(4,\)"):
        getattr(operator, name)(x, minipose.ones(4))
    with pytest.raises(TypeError, match=f"{name}: "):
        getattr(ops, name)(x, "a")
    with pytest.raises(TypeError, match=f"{name}: "):
        getattr(ops, name)(1, 2)
    assert (x == None) is False and (x != "a") is True  # noqa: E711  as Python has it for objects of different kinds


TIES = np.array([[1.0, 2.0, 2.0, -0.0, np.nan, 3.0, np.inf], [1.0, 3.0, 2.0, 0.0, 3.0, np.nan, np.inf]])


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_and_nan_are_treated_as_torch_does(name, torch):
    ours = [Tensor(v.copy(), requires_grad=True) for v in TIES]
    theirs = [torch.tensor(v, requires_grad=True) for v in TIES]
    upstream = np.arange(1.0, 8.0)
    y, expected = getattr(ops, name)(*ours), getattr(torch, name)(*theirs)
    np.testing.assert_array_equal(y.data, expected.detach().numpy())
    y.backward(Tensor(upstream))
    expected.backward(torch.tensor(upstream))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.grad.data[:4], b.grad.numpy()[:4])


@pytest.mark.parametrize("bounds", [(-1, 2), (-1.0, None), (None, 2), (2, -1), ("t", "t"), ("t", None), (None, "t")])
def test_clamp_at_and_beyond_its_bounds(bounds, torch):
    values, upstream = np.array([-3.0, -1, 0, 2, 5, np.inf, -np.inf]), np.arange(1.0, 8.0)
    tensors = {0: np.array([-1.0, -1, 0, 3, 2, 1, 1]), 1: np.array([2.0, -1, 0, 2, 1, 2, 2])}
    results = []
    for engine, leaf in ((ops, lambda v: Tensor(v.copy(), requires_grad=True)),
                         (torch, lambda v: torch.tensor(v, requires_grad=True))):
        x = leaf(values)
        given = [leaf(tensors[i]) if b == "t" else b for i, b in enumerate(bounds)]
        y = engine.clamp(x, *given)
        y.backward(Tensor(upstream) if engine is ops else torch.tensor(upstream))
        results.append([np.array(y.tolist()), *(np.array(t.grad.tolist()) for t in (x, *given) if hasattr(t, "grad"))])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nan_stays():
    x = minipose.tensor([np.nan, 1.0])
    assert np.isnan(ops.clamp(x, 0, 1).data[0])


@pytest.mark.parametrize("first", ["float32", "float64", "int64"])
@pytest.mark.parametrize("second", ["float32", "float64", "int64", 1, 1.5])
@pytest.mark.parametrize("name", ["maximum", "minimum", "clamp", "where"])
def test_dtypes_are_those_of_torch(name, first, second, torch):
    a = np.array([1, 3]).astype(first)
    number = not isinstance(second, str)
    if number and name in ("maximum", "minimum"):
        with pytest.raises(TypeError, match=f"{name}: other must be a Tensor"):
            getattr(ops, name)(Tensor(a), second)
        return
    b = second if number else np.array([2, 2]).astype(second)
    call = (lambda e, *x: e.where(x[0] > 1, *x)) if name == "where" else (lambda e, *x: getattr(e, name)(*x))
    actual = call(ops, Tensor(a), b if number else Tensor(b))
    expected = call(torch, torch.tensor(a), b if number else torch.tensor(b))
    assert str(actual.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_array_equal(actual.data, expected.numpy())


def test_where_of_two_numbers():
    condition = minipose.tensor([True, False])
    assert ops.where(condition, 1, 2).dtype == minipose.int64
    assert ops.where(condition, 1.0, 2).dtype == minipose.float32
    assert ops.where(condition, 1.0, 2).tolist() == [1.0, 2.0]


X, CONDITIONS = minipose.ones(2, 3), minipose.ones(2, 3) > 0
ERRORS = [
    (lambda: ops.where(X, X, X), TypeError, "where: condition must hold booleans, not float32"),
    (lambda: ops.where(True, X, X), TypeError, "where: condition must be a Tensor"),
    (lambda: ops.where(CONDITIONS, X, "a"), TypeError, "where: .*str"),
    (lambda: ops.where(CONDITIONS, X, minipose.ones(4)), ValueError, r"where: .*\(2, 3\).*\(4,\)"),
    (lambda: ops.where(CONDITIONS, minipose.ones(4), 1), ValueError, r"where: .*\(2, 3\).*\(4,\)"),
    (lambda: ops.maximum(X, minipose.ones(4)), ValueError, r"maximum: .*\(2, 3\).*\(4,\)"),
    (lambda: ops.minimum(X, None), TypeError, "minimum: other must be a Tensor"),
    (lambda: ops.clamp(X), ValueError, "clamp: give min, max, or both"),
    (lambda: ops.clamp(X, "a"), TypeError, "clamp: min must be a Tensor or a number, not 'a'"),
    (lambda: ops.clamp(X, max=True), TypeError, "clamp: max must be"),
    (lambda: ops.clamp(X, min=float("nan")), ValueError, "clamp: min must be a number, not nan"),
    (lambda: ops.clamp(CONDITIONS, 0), TypeError, "clamp: .*bool"),
    (lambda: ops.clamp(X, minipose.ones(4)), ValueError, r"clamp: .*\(2, 3\).*\(4,\)"),
    (lambda: ops.lerp(X, X, "a"), TypeError, "lerp: weight must be"),
    (lambda: ops.lerp(X, X.to("float64"), 1), TypeError, "lerp: end is float64"),
    (lambda: ops.lerp(X.to("int64"), X.to("int64"), 1), TypeError, "lerp: input is int64"),
    (lambda: ops.lerp(X, minipose.ones(4), 1), ValueError, r"lerp: .*\(2, 3\).*\(4,\)"),
    (lambda: ops.lerp(X, X, minipose.ones(4)), ValueError, r"lerp: .*\(2, 3\).*\(4,\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
