import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

NAN, INF = float("nan"), float("inf")
SHAPE = (2, 3, 7, 5)
DIMS = [None, 0, 2, -1, (0, 2, 3), (-1, 1)]
CASES = [
    Case(f"{name}-{dim}-{keepdim}", lambda F, x, n=name, d=dim, k=keepdim: getattr(F, n)(x, dim=d, keepdim=k), [SHAPE])
    for name in ("sum", "mean", "var", "std", "norm", "logsumexp")
    for dim in DIMS
    for keepdim in (False, True)
    if name != "logsumexp" or dim is not None
    if name != "norm" or not isinstance(dim, tuple) or len(dim) < 3  # "fro" is of two axes at most
    if name != "std" or dim != 0  # the spread of two is their distance, with no second derivative but rounding
] + [
    Case("sum_of_no_dims", lambda F, x: x.sum(()), [SHAPE]),
    Case("mean_of_no_dims", lambda F, x: x.mean(()), [SHAPE]),
    Case("mean_of_one", lambda F, x: x.mean(), [(1, 1)]),
    Case("biased_var", lambda F, x: F.var(x, dim=(0, 2, 3), correction=0), [SHAPE]),
    Case("biased_std", lambda F, x: x.std((0, 2, 3), correction=0), [SHAPE]),
    Case("var_corrected_by_a_fraction", lambda F, x: F.var(x, dim=1, correction=1.5, keepdim=True), [SHAPE]),
    Case("std_corrected_by_2", lambda F, x: F.std(x, correction=2), [SHAPE]),
    Case("prod", lambda F, x: F.prod(x), [(3, 5)]),
    Case("prod-0", lambda F, x: F.prod(x, 0), [(7, 3, 5)]),
    Case("prod-keep", lambda F, x: x.prod(1, keepdim=True), [(3, 4, 5)]),
    Case("cumsum-0", lambda F, x: F.cumsum(x, 0), [SHAPE]),
    Case("cumsum-last", lambda F, x: x.cumsum(dim=-1), [SHAPE]),
    Case("cumsum_of_one", lambda F, x: x.cumsum(1), [(7, 1)]),
    Case("cumsum_of_0d", lambda F, x: x.cumsum(0), [()]),
] + [
    Case(f"{name}_of_0d", lambda F, x, n=name: getattr(F, n)(x, dim=0), [()])
    for name in ("sum", "mean", "logsumexp")
] + [
    Case(f"norm-{p}-{dim}", lambda F, x, p=p, d=dim: F.norm(x, p, d), [SHAPE])
    for p in (1, 2, 3, 2.5, 1.5, 0.5, -1, -2.5, INF, -INF)
    for dim in (None, (0, -1))
] + [
    Case("norm-3-keep", lambda F, x: x.norm(3, (0, 2, 3), keepdim=True), [SHAPE]),
    Case("norm_of_a_matrix", lambda F, x: x.norm(p="fro", dim=(0, 1), keepdim=True), [(7, 5)]),
]  # fmt: skip
LINEAR = [case for case in CASES if case.name.startswith(("sum", "mean", "cumsum"))]


def both(form, values, torch, upstream=None):
    """Return value and gradient of minipose and of torch, for an upstream gradient of 5, 6, ..."""
    ours = Tensor(np.array(values, np.float64), requires_grad=True)
    theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    y = form(ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's of too few degrees of freedom
        z = form(theirs)
    upstream = np.arange(5.0, 5 + y.numel()).reshape(y.shape)
    y.backward(Tensor(upstream))
    z.backward(torch.tensor(upstream))
    return (y.data, ours.grad.data), (z.detach().numpy(), theirs.grad.numpy())


def assert_as_torch(form, values, torch):
    for a, b in zip(*both(form, values, torch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


# ---- whole numbers and dtype ----


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
def test_whole_numbers_become_int64(name, dtype, torch):
    values = np.array([[1, 0, 1], [1, 1, 1]]).astype(dtype)
    for arguments in ([(0,), (1,)] if name == "cumsum" else [(), (0,), (1,)]):
        result = getattr(Tensor(values), name)(*arguments)
        assert result.dtype == minipose.int64
        np.testing.assert_array_equal(result.data, getattr(torch.tensor(values), name)(*arguments).numpy())


def test_bytes_do_not_wrap_around():
    x = Tensor(np.full(1000, 255, np.uint8))
    assert x.sum().item() == x.cumsum(0)[-1].item() == 255_000
    assert x[:3].prod().item() == 255**3


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "norm", "cumsum"])
@pytest.mark.parametrize("source", ["bool", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_dtype_is_what_the_input_is_converted_to(name, source, dtype, torch):
    values = np.array([[1.75, 0, 201], [3.5, 100, 101]]).astype(source)
    kind = getattr(torch, dtype)
    if (name in ("mean", "norm") and "float" not in dtype) or (name, dtype) == ("cumsum", "bool"):
        with pytest.raises(TypeError, match=f"{name}: "):
            getattr(Tensor(values), name)(dim=1, dtype=dtype)
        return
    if name == "norm" and "float" not in source:
        expected = torch.tensor(values).to(kind).norm(dim=1)  # torch wants the input to be floating already
    elif name == "norm":
        expected = torch.norm(torch.tensor(values), dim=1, dtype=kind) if source <= dtype else None
    else:
        expected = getattr(torch.tensor(values), name)(dim=1, dtype=kind)
    result = getattr(Tensor(values), name)(dim=1, dtype=dtype)
    assert result.dtype == dtype
    if expected is not None:
        np.testing.assert_allclose(result.data, expected.numpy(), rtol=1e-6)


def test_logsumexp_of_integers_is_float32():
    result = minipose.tensor([1, 2]).logsumexp(0)
    assert result.dtype == minipose.float32 and abs(result.item() - np.log(np.exp(1) + np.exp(2))) < 1e-6


def test_the_gradient_returns_through_dtype():
    x = Tensor(np.float32([1, 2, 3]), requires_grad=True)
    y = x.sum(dtype="float64")
    y.backward()
    assert y.dtype == minipose.float64 and x.grad.dtype == minipose.float32


# ---- nothing, one, and a number ----


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "norm", "logsumexp", "cumsum"])
@pytest.mark.parametrize("dim", [None, 0, 1])
@oracle.each_dtype
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_nothing_reduces_as_in_torch(name, dim, dtype, torch):
    if dim is None and name in ("logsumexp", "cumsum"):
        return
    arguments = {} if dim is None else {"dim": dim}
    x = Tensor(np.zeros((0, 3), dtype), requires_grad=True)
    result = getattr(x, name)(**arguments)
    expected = getattr(torch.tensor(x.detach().data), name)(**arguments)
    np.testing.assert_array_equal(result.data, expected.numpy())
    assert result.dtype == dtype
    result.sum().backward()
    assert x.grad.shape == (0, 3) and x.grad.dtype == dtype


@pytest.mark.parametrize("p", [0, 1, 2, 3, 0.5])
def test_the_norm_of_nothing_is_zero(p):
    assert minipose.zeros(0).norm(p).item() == 0
    np.testing.assert_array_equal(minipose.zeros(3, 0).norm(p, dim=1).data, np.zeros(3))


@pytest.mark.parametrize("p", [INF, -INF, -1])
def test_a_norm_that_nothing_has(p):
    for dim in (None, 0):
        with pytest.raises(ValueError, match=rf"norm: .*\(0, 3\) has no entry .*p={p}"):
            minipose.zeros(0, 3).norm(p, dim)
    assert minipose.zeros(0, 3).norm(p, 1).shape == (0,)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "logsumexp", "norm", "cumsum", "var", "std"])
def test_a_number_counts_as_one_entry_along_one_axis(name, torch):
    x = minipose.tensor(2.0)
    for dim in (0, -1):
        result = getattr(ops, name)(x, dim=dim)
        assert result.shape == ()
        np.testing.assert_equal(result.item(), NAN if name in ("var", "std") else 2.0)
        assert_as_torch(lambda t, d=dim: getattr(t, name)(dim=d), 2.0, torch)
    with pytest.raises(ValueError, match=f"{name}: dim 1"):
        getattr(ops, name)(x, dim=1)


def test_an_axis_may_be_a_numpy_integer():
    assert minipose.zeros(2, 3).sum(np.int64(1)).shape == (2,)


# ---- var, std ----


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("correction", [0, 1, 2, 2.5, 7])
@pytest.mark.parametrize("values", [[5.0], [5.0, 7.0], [5.0, 5.0, 5.0], [5.0, 5.0, 7.0], [1.0, INF]], ids=str)
def test_few_degrees_of_freedom(name, correction, values, torch):
    assert_as_torch(lambda x: getattr(x, name)(correction=correction), values, torch)


def test_a_negative_correction(torch):
    assert_as_torch(lambda x: x.var(correction=-1), [1.0, 2, 5], torch)


def test_nan_among_the_deviations(torch):
    assert_as_torch(lambda x: x.var(1), [[1.0, NAN], [1.0, 2.0]], torch)
    assert_as_torch(lambda x: x.std(1), [[1.0, NAN], [1.0, 2.0]], torch)


def test_rows_without_deviation_among_others(torch):
    assert_as_torch(lambda x: x.std(1), [[5.0, 5, 5], [1, 2, 4]], torch)


def test_var_of_large_numbers_keeps_its_precision():
    x = np.array([1.0, 2, 4]) + 1e8
    np.testing.assert_allclose(Tensor(x).var().item(), np.var([1, 2, 4], ddof=1), rtol=1e-12)


# ---- prod ----


ZEROS = [[2.0, 3, 4], [0.0, 3, 4], [3.0, 0, 4], [0.0, 3, 0], [0.0, 0, 0], [2.0, 3, 0, 5, 7], [0.0], [NAN, 0, 1],
         [INF, 0, 1], [-0.0, 3, 4]]  # fmt: skip


@pytest.mark.parametrize("values", ZEROS, ids=str)
def test_prod_with_zeros(values, torch):
    assert_as_torch(lambda x: x.prod(), values, torch)
    assert_as_torch(lambda x: x.prod(0), values, torch)


@pytest.mark.parametrize("values", ZEROS[:7], ids=str)
def test_prod_with_zeros_to_third_order(values, torch):
    ours = Tensor(np.array(values), requires_grad=True)
    theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    first, expected_first = ours.prod() * 1, theirs.prod() * 1
    for _ in range(3):
        first = minipose.grad((first * first).sum() + first.sum(), ours, create_graph=True)[0]
        expected_first = torch.autograd.grad(
            (expected_first * expected_first).sum() + expected_first.sum(), theirs, create_graph=True
        )[0]
        np.testing.assert_allclose(first.data, expected_first.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 17, 31])
def test_prod_of_any_length(n, rng, torch):
    values = rng.standard_normal((3, n))
    np.testing.assert_allclose(Tensor(values).prod(1).data, values.prod(1), rtol=1e-13)
    assert_as_torch(lambda x: x.prod(1), values, torch)


# ---- logsumexp ----


@pytest.mark.parametrize("values", [
    [-INF, 1.0, 2], [-INF, -INF], [INF, 1.0], [INF, -INF], [INF, INF], [NAN, 1.0], [1e300, 1.0],
    [1000.0, 1001.0], [-1000.0, -1001.0],
], ids=str)  # fmt: skip
def test_logsumexp_of_extremes(values, torch):
    assert_as_torch(lambda x: x.logsumexp(0), values, torch)


def test_rows_of_minus_infinity_among_others(torch):
    assert_as_torch(lambda x: x.logsumexp(1), [[-INF, -INF], [1, 2]], torch)


# ---- norm ----

VECTORS = [[3.0, -4], [0.0, 0], [0.0, 2], [2.0, -2], [2.0, 2, 1], [0.0, -0.0, -3]]


@pytest.mark.parametrize("values", VECTORS, ids=str)
@pytest.mark.parametrize("p", ["fro", None, 1, 2, 3, 2.5, 0.5, 1.5, INF, -INF, -1, -2])
def test_the_kinks_of_a_norm(p, values, torch):
    assert_as_torch(lambda x: x.norm(p), values, torch)


@pytest.mark.parametrize("p", ["fro", 1, 3, 0.5, 1.5, INF, -INF, -1])
def test_a_zero_row_among_others(p, torch):
    assert_as_torch(lambda x: x.norm(p, 1), [[3.0, -4], [0, 0], [0, 2]], torch)


def test_the_norm_that_counts(torch):
    values = [[3.0, 0.0, NAN], [0.0, -0.0, 0.0]]
    x = Tensor(np.array(values), requires_grad=True)
    for dim, keepdim in ((None, False), (1, False), (1, True)):
        result = x.norm(0, dim, keepdim)
        np.testing.assert_array_equal(result.data, torch.tensor(values).norm(0, dim, keepdim).numpy())
        assert not result.requires_grad and result.dtype == minipose.float64


@pytest.mark.parametrize("p", [2, 3])
def test_a_second_derivative_at_a_zero_entry(p, torch):
    values = [0.0, 2.0, 1.0]
    x = Tensor(np.array(values), requires_grad=True)
    (first,) = minipose.grad(x.norm(p), x, create_graph=True)
    hessian = [minipose.grad(first[i], x, retain_graph=True)[0].data for i in range(3)]
    expected = torch.autograd.functional.hessian(lambda t: t.norm(p), torch.tensor(values, dtype=torch.float64))
    np.testing.assert_allclose(hessian, expected.numpy(), atol=1e-15)


# ---- errors ----

X = minipose.ones(2, 3)
ERRORS = [
    (lambda f: f([[1.0]], dim=0), "input .*list"),
    (lambda f: f(None, dim=0), "input .*NoneType"),
    (lambda f: f(X, dim=2), "dim 2 is out of range"),
    (lambda f: f(X, dim=-3), "dim -3 is out of range"),
    (lambda f: f(X, dim="0"), "dim "),
    (lambda f: f(X, dim=0.0), "dim "),
    (lambda f: f(X, dim=True), "dim "),
    (lambda f: f(X, dim=NAN), "dim "),
    (lambda f: f(X, dim=object()), "dim "),
    (lambda f: f(X, dim=X), "dim "),
    (lambda f: f(X, dim=10**30), "dim "),
]


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "norm", "logsumexp", "cumsum"])
@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text for _, text in ERRORS])
def test_errors_name_operation_and_argument(name, call, text):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: {text}"):
        call(getattr(ops, name))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "norm", "logsumexp"])
@pytest.mark.parametrize("keepdim", [None, 1, "yes", X])
def test_keepdim_is_a_flag(name, keepdim):
    with pytest.raises(TypeError, match=f"^{name}: keepdim must be True or False"):
        getattr(ops, name)(X, dim=0, keepdim=keepdim)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "norm", "cumsum"])
@pytest.mark.parametrize("dtype", [3, "float33", "f4,f4", "3,", "complex64", "datetime64", object, X, [1], True],
                         ids=str)
def test_dtype_errors(name, dtype):
    with pytest.raises(TypeError, match=f"^{name}: dtype must be"):
        getattr(ops, name)(X, dim=0, dtype=dtype)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "norm", "logsumexp"])
def test_an_axis_named_twice(name):
    with pytest.raises(ValueError, match=f"^{name}: .*twice"):
        getattr(ops, name)(X, dim=(0, -2))


@pytest.mark.parametrize("name", ["mean", "var", "std", "norm"])
@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_what_whole_numbers_do_not_have(name, dtype):
    with pytest.raises(TypeError, match=f"^{name}: .*{dtype}"):
        getattr(X.to(dtype), name)()


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ops.prod(X, (0, 1)), TypeError, "prod: dim must be one axis"),
    (lambda: ops.cumsum(X, None), TypeError, "cumsum: dim must be one axis"),
    (lambda: ops.cumsum(X, (0,)), TypeError, "cumsum: dim must be one axis"),
    (lambda: ops.logsumexp(X, None), TypeError, "logsumexp: dim must be an axis"),
    (lambda: ops.logsumexp(X, ()), TypeError, "logsumexp: dim must be an axis"),
    (lambda: ops.var(X, correction=None), TypeError, "var: correction"),
    (lambda: ops.var(X, correction=True), TypeError, "var: correction"),
    (lambda: ops.std(X, correction="1"), TypeError, "std: correction"),
    (lambda: ops.std(X, correction=NAN), ValueError, "std: correction"),
    (lambda: ops.var(X, correction=10**400), ValueError, "var: correction"),
    (lambda: ops.norm(X, "nuc"), TypeError, "norm: p must be a number"),
    (lambda: ops.norm(X, "2"), TypeError, "norm: p must be a number"),
    (lambda: ops.norm(X, True), TypeError, "norm: p must be a number"),
    (lambda: ops.norm(X, X), TypeError, "norm: p must be a number"),
    (lambda: ops.norm(X, 2j), TypeError, "norm: p must be a number"),
    (lambda: ops.norm(X, NAN), ValueError, "norm: p must be a number"),
    (lambda: ops.norm(X, 10**400), ValueError, "norm: p must be "),
    (lambda: ops.norm(minipose.ones(2, 3, 5), dim=(0, 1, 2)), ValueError, "norm: 'fro' .*two axes"),
])  # fmt: skip
def test_more_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
