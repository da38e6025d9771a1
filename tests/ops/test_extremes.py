import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
CASES = [
    Case(f"{name}-{dim}-{keepdim}", lambda F, x, n=name, d=dim, k=keepdim: getattr(F, n)(x, dim=d, keepdim=k), [SHAPE])
    for name in ("amax", "amin")
    for dim in (0, (1, -1), None, ())
    for keepdim in (False, True)
] + [
    Case(f"{name}-{dim}-{keepdim}", lambda F, x, n=name, d=dim, k=keepdim: getattr(F, n)(x, d, k).values, [SHAPE])
    for name in ("max", "min")
    for dim in (0, 2, -1)
    for keepdim in (False, True)
] + [
    Case("max_of_all", lambda F, x: F.max(x), [SHAPE]),
    Case("min_of_all", lambda F, x: x.min(), [SHAPE]),
    Case("max_of_one_column", lambda F, x: x.max(1)[0], [(7, 1)]),
    Case("max_of_two", lambda F, x, y: F.max(x, y), [(7, 5), (3, 1, 5)]),
    Case("min_of_two", lambda F, x, y: x.min(y), [(7, 5), (7, 1)]),
    Case("max_of_0d", lambda F, x: x.max(0).values, [()]),
    Case("min_of_0d_kept", lambda F, x: x.min(-1, keepdim=True).values, [()]),
    Case("amax_of_0d", lambda F, x: x.amax(-1), [()]),
]

NAN, INF = float("nan"), float("inf")
TIES = {
    "pairs": [[3.0, 1.0, 3.0], [1.0, 1.0, 2.0]],
    "all_equal": [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]],
    "zeros_of_both_signs": [[0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]],
    "infinite": [[INF, INF, -INF], [-INF, -INF, INF]],
    "nan": [[1.0, NAN, 2.0], [NAN, 5.0, NAN]],
}
FORMS = {
    "amax": lambda x: x.amax(1),
    "amin": lambda x: x.amin(0),
    "amax_pair": lambda x: x.amax((0, 1)),
    "amin_all": lambda x: x.amin(),
    "max": lambda x: x.max(1)[0],
    "min": lambda x: x.min(0)[0],
    "max_all": lambda x: x.max(),
    "min_all": lambda x: x.min(),
}


@pytest.mark.parametrize("values", TIES.values(), ids=TIES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_equal_entries_share_or_the_first_takes_all_as_in_torch(form, values, torch):
    ours = Tensor(np.array(values), requires_grad=True)
    theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    y, z = form(ours), form(theirs)
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    upstream = np.arange(5.0, 5 + y.numel()).reshape(y.shape)
    y.backward(Tensor(upstream))
    z.backward(torch.tensor(upstream))
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-15)


@pytest.mark.parametrize("values", TIES.values(), ids=TIES)
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_places_are_those_of_torch(values, dim, torch):
    ours, theirs = Tensor(np.array(values), requires_grad=True), torch.tensor(values, dtype=torch.float64)
    for name in ("max", "min"):
        for keepdim in (False, True):
            expected = getattr(theirs, name)(dim, keepdim).indices.numpy()
            indices = getattr(ours, name)(dim, keepdim).indices
            place = getattr(ours, f"arg{name}")(dim, keepdim)
            for result in (indices, place):
                np.testing.assert_array_equal(result.data, expected)
                assert result.dtype == minipose.int64 and not result.requires_grad
                assert result.shape == expected.shape


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_argmax_and_argmin(name, dim, keepdim, rng, torch):
    x = rng.standard_normal((2, 7, 5))
    result = getattr(ops, name)(Tensor(x, requires_grad=True), dim, keepdim)
    expected = getattr(torch, name)(torch.tensor(x), dim, keepdim)
    np.testing.assert_array_equal(result.data, expected.numpy())
    assert result.shape == tuple(expected.shape) and result.dtype == minipose.int64 and not result.requires_grad


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
@pytest.mark.parametrize("name", ["amax", "amin", "max", "min"])
def test_whole_numbers_keep_their_dtype(name, dtype, torch):
    values = np.array([[1, 0, 1], [1, 1, 1]]).astype(dtype)
    for arguments in ((), (1,)):
        result = getattr(Tensor(values), name)(*arguments)
        expected = getattr(torch.tensor(values), name)(*arguments)
        if name in ("max", "min") and arguments:
            np.testing.assert_array_equal(result.indices.data, expected.indices.numpy())
            result, expected = result.values, expected.values
        np.testing.assert_array_equal(result.data, expected.numpy())
        assert result.dtype == dtype


def test_integers_beyond_floats():
    x = minipose.tensor([2**62, 2**62 + 1, -(2**63)])
    assert x.max().item() == 2**62 + 1 and x.argmax().item() == 1 and x.min(0).values.item() == -(2**63)


def test_values_and_indices_have_names():
    values, indices = result = ops.max(minipose.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    assert values is result.values and indices is result.indices
    np.testing.assert_array_equal(values.data, [5, 7])
    np.testing.assert_array_equal(indices.data, [1, 0])


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "max", "min"])
def test_a_number_counts_as_one_entry_along_one_axis(name):
    function, x = getattr(ops, name), minipose.tensor(2.0)
    for arguments in ((), (0,), (-1,)):
        result = function(x, *arguments)
        result = result[0] if isinstance(result, tuple) else result
        assert result.shape == () and result.item() == (0 if name.startswith("arg") else 2)
    with pytest.raises(ValueError, match=f"{name}: dim 1"):
        function(x, 1)


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "max", "min"])
def test_nothing_to_choose_from(name):
    function, x = getattr(ops, name), minipose.ones(0, 3)
    for arguments in ((), (0,)):
        with pytest.raises(ValueError, match=rf"{name}: .*\(0, 3\) has no entry"):
            function(x, *arguments)
    result = function(x, 1)
    assert all(r.shape == (0,) for r in (result if isinstance(result, tuple) else [result]))


@oracle.each_dtype
def test_no_gradient_of_an_empty_batch(dtype):
    x = Tensor(np.ones((0, 3), dtype), requires_grad=True)
    (x.max(1).values.sum() + x.amin(1).sum()).backward()
    assert x.grad.shape == (0, 3)


X = minipose.ones(2, 3)
ERRORS = [
    (lambda f: f([[1.0]], 0), "input .*list"),
    (lambda f: f(None), "input .*NoneType"),
    (lambda f: f(X, 2), "dim 2 is out of range"),
    (lambda f: f(X, -3), "dim -3 is out of range"),
    (lambda f: f(X, "0"), "dim "),
    (lambda f: f(X, 0.0), "dim "),
    (lambda f: f(X, True), "dim "),
    (lambda f: f(X, NAN), "dim "),
    (lambda f: f(X, object()), "dim "),
    (lambda f: f(X, 10**30), "dim "),
    (lambda f: f(X, 0, None), "keepdim must be True or False"),
    (lambda f: f(X, 0, 1), "keepdim must be True or False"),
]


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "max", "min"])
@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text for _, text in ERRORS])
def test_errors_name_operation_and_argument(name, call, text):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: {text}"):
        call(getattr(ops, name))


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ops.amax(X, (0, -2)), ValueError, "amax: .*twice"),
    (lambda: ops.argmax(X, (0,)), TypeError, "argmax: dim must be one axis"),
    (lambda: ops.max(X, (0, 1)), TypeError, "max: dim must be one axis"),
    (lambda: ops.max(X, X, True), TypeError, "max: dim must be one axis"),
    (lambda: ops.max(X, keepdim=True), TypeError, "max: keepdim needs a dim"),
    (lambda: ops.argmin(X > 0), TypeError, "argmin: .*booleans"),
])  # fmt: skip
def test_more_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
