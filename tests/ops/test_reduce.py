import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
DIMS = [None, 0, 2, -1, (0, 2, 3), (-1, 1)]
CASES = [
    Case(f"{name}-{dim}-{keepdim}", lambda F, x, f=f, d=dim, k=keepdim: f(F, x, d, k), [SHAPE])
    for name, f in {
        "sum": lambda F, x, d, k: F.sum(x, dim=d, keepdim=k),
        "mean": lambda F, x, d, k: F.mean(x, dim=d, keepdim=k),
        "var": lambda F, x, d, k: F.var(x, dim=d, keepdim=k),
    }.items()
    for dim in DIMS
    for keepdim in (False, True)
] + [
    Case("biased_var", lambda F, x: F.var(x, dim=(0, 2, 3), correction=0), [SHAPE]),
    Case("amax-0", lambda F, x: F.amax(x, dim=0), [SHAPE]),
    Case("amax-pair", lambda F, x: F.amax(x, dim=(1, -1)), [SHAPE]),
    Case("amax-keep", lambda F, x: F.amax(x, dim=(2, 3), keepdim=True), [SHAPE]),
    Case("sum_of_a_vector", lambda F, x: x.sum(), [(7,)]),
    Case("mean_of_one", lambda F, x: x.mean(), [(1, 1)]),
]
LINEAR = [case for case in CASES if case.name.startswith(("sum", "mean"))]


def test_amax_shares_the_gradient_among_equals(torch):
    values = np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    ours, theirs = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ops.amax(ours, dim=1).backward(Tensor(np.array([5.0, 7.0])))
    theirs.amax(dim=1).backward(torch.tensor([5.0, 7.0], dtype=torch.float64))
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_argmax_matches_numpy(dim, rng):
    x = rng.standard_normal((7, 5))
    result = ops.argmax(Tensor(x, requires_grad=True), dim)
    np.testing.assert_array_equal(result.data, x.argmax(dim))
    assert result.dtype == minipose.int64 and not result.requires_grad


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_whole_numbers_are_summed_as_int64(dtype):
    x = Tensor(np.array([[1, 0, 1], [1, 1, 1]]).astype(dtype))
    assert x.sum().dtype == minipose.int64 and x.sum().item() == 5
    np.testing.assert_array_equal(x.sum(0).data, [2, 1, 2])


def test_bytes_do_not_wrap_around():
    assert Tensor(np.full(1000, 255, np.uint8)).sum().item() == 255_000


def test_an_axis_may_be_a_numpy_integer():
    assert minipose.zeros(2, 3).sum(np.int64(1)).shape == (2,)


@oracle.each_dtype
def test_the_sum_of_nothing_is_zero(dtype):
    x = Tensor(np.zeros((0, 3), dtype), requires_grad=True)
    y = x.sum(0)
    np.testing.assert_array_equal(y.data, np.zeros(3))
    y.sum().backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "amax"])
def test_errors_name_the_operation(name):
    function = getattr(ops, name)
    with pytest.raises(ValueError, match=rf"{name}: dim 2 .* 2 axes"):
        function(minipose.ones(2, 3), 2)
    with pytest.raises(ValueError, match=rf"{name}: dim -3 .* 2 axes"):
        function(minipose.ones(2, 3), -3)
    with pytest.raises(ValueError, match=rf"{name}: .*twice"):
        function(minipose.ones(2, 3), (0, -2))


def test_argmax_errors():
    with pytest.raises(ValueError, match=r"argmax: .*\(0, 3\)"):
        ops.argmax(minipose.ones(0, 3))
    with pytest.raises(ValueError, match="argmax: dim 5"):
        ops.argmax(minipose.ones(2, 3), 5)


def test_amax_of_nothing():
    with pytest.raises(ValueError, match=r"amax: .*\(0, 3\)"):
        ops.amax(minipose.ones(0, 3), 0)
    assert ops.amax(minipose.ones(0, 3), 1).shape == (0,)


def test_mean_of_integers():
    with pytest.raises(TypeError, match="mean: .*int64"):
        minipose.tensor([1, 2]).mean()
