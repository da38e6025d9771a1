import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

CASES = [
    Case(f"{name}_{axes}_axes_dim_{dim}", lambda F, x, n=name, d=dim: getattr(F, n)(x, d), [(5, 7, 2, 3)[:axes]])
    for name in ("softmax", "log_softmax")
    for axes, dim in ((1, 0), (2, -1), (2, 0), (4, 1), (4, -1), (4, 2))
] + [
    Case("of_large_values", lambda F, x: F.softmax(x * 20, dim=1), [(5, 7)], looser=20),  # 20 x is rounded
    Case("log_of_large_values", lambda F, x: F.log_softmax(x * 20, dim=1), [(5, 7)], looser=20),
    Case("one_class", lambda F, x: F.softmax(x, 1) * x + F.log_softmax(x, 1) * x + x, [(5, 1)]),
    Case("softmax_to_float64", lambda F, x: F.softmax(x, 1, dtype=F.tensor(np.zeros(1)).dtype).to(x.dtype), [(5, 7)]),
]
SMALL_CASES = [case for case in CASES if "large" not in case.name]  # there differences are too coarse

BOTH = pytest.mark.parametrize("name", ["softmax", "log_softmax"])


@BOTH
def test_huge_entries_and_minus_infinity(name, torch):
    rows = [[1e30, 0, -1e30], [-np.inf, 1, 2], [-np.inf, -np.inf, 7], [-1e30, -2e30, -1e30], [3, np.nan, 1]]
    for dtype in ("float32", "float64"):
        values = np.array(rows, dtype)
        x, y = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        upstream = np.array([[1, 2, -4], [0.5, 3, 1], [1, 0, -1], [2, 2, 5], [1, 1, 1]], dtype)
        result, expected = getattr(ops, name)(x, 1), getattr(torch, name)(y, 1)
        result.backward(Tensor(upstream))
        expected.backward(torch.tensor(upstream))
        np.testing.assert_allclose(result.data, expected.detach().numpy(), rtol=1e-6)
        np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-6, atol=1e-7)


@BOTH
@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [np.inf, 1.0]])
def test_a_row_without_a_finite_maximum_is_nan(name, row, torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = getattr(ops, name)(Tensor(np.array([row])), 1)
    np.testing.assert_array_equal(result.data, getattr(torch, name)(torch.tensor([row]), 1).numpy())


@BOTH
@pytest.mark.parametrize(
    ("shape", "dim"), [((0,), 0), ((3, 0), 1), ((0, 3), 1), ((3, 0), 0), ((), 0), ((), -1), ((1,), 0)]
)
def test_no_entries_and_single_ones(name, shape, dim, torch):
    x, y = minipose.ones(*shape, requires_grad=True), torch.ones(shape, requires_grad=True)
    result, expected = getattr(ops, name)(x, dim), getattr(torch, name)(y, dim)
    result.sum().backward()
    expected.sum().backward()
    np.testing.assert_array_equal(result.data, expected.detach().numpy())
    np.testing.assert_array_equal(x.grad.data, y.grad.numpy())


@BOTH
def test_integers_with_a_dtype(name, torch):
    values = np.array([[1, 2, 5], [0, -3, 2]])
    for dtype in ("float32", "float64"):
        result = getattr(ops, name)(Tensor(values), 1, dtype=dtype)
        expected = getattr(torch, name)(torch.tensor(values), 1, dtype=getattr(torch, dtype))
        assert result.dtype == dtype
        oracle.assert_close(result.data, expected.numpy(), oracle.TOLERANCES[dtype])


def test_rows_sum_to_one_and_the_gradient_to_zero(rng):
    x = Tensor(rng.standard_normal((5, 7)), requires_grad=True)
    y = ops.softmax(x, 1)
    y.backward(Tensor(rng.standard_normal((5, 7))))
    np.testing.assert_allclose(y.data.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(x.grad.data.sum(1), 0, atol=1e-15)


X = minipose.ones(5, 7)
ERRORS = [
    (lambda f: f(X), TypeError, "dim must be an integer.*None"),
    (lambda f: f(X, 2), ValueError, "dim 2 is out of range"),
    (lambda f: f(X, -3), ValueError, "dim -3 is out of range"),
    (lambda f: f(minipose.ones(), 1), ValueError, "dim 1 is out of range"),
    (lambda f: f(X, True), TypeError, "dim must be an integer.*True"),
    (lambda f: f(X, (0, 1)), TypeError, "dim must be an integer"),
    (lambda f: f(X, 1.0), TypeError, "dim must be an integer.*1.0"),
    (lambda f: f(X.to("int64"), 1), TypeError, "input .*int64"),
    (lambda f: f(X.data, 1), TypeError, "input .*ndarray"),
    (lambda f: f([1.0], 0), TypeError, "input .*list"),
    (lambda f: f(X, 1, dtype="int64"), TypeError, "dtype must be float32 or float64"),
    (lambda f: f(X, 1, dtype=object()), TypeError, "dtype must be float32 or float64"),
    (lambda f: f(X, 1, dtype=X), TypeError, "dtype must be float32 or float64"),
    (lambda f: f(X, 1, 3), TypeError, "dtype must be float32 or float64, not 3"),
]


@BOTH
@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_name_operation_and_argument(name, call, error, text):
    with pytest.raises(error, match=f"^{name}: {text}"):
        call(getattr(ops, name))
