import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
CASES = [
    Case("sigmoid", lambda F, a: F.sigmoid(a), [(3, 5)]),
    Case("relu", lambda F, a: F.relu(a), [SHAPE]),
    Case("relu_large", lambda F, a: F.relu(a)[:, :1], [(2, 17, 31, 37)]),
    Case("relu6", lambda F, a: F.relu6(a * 7), [(3, 7)]),
    Case("leaky_relu", lambda F, a: F.leaky_relu(a), [(3, 5)]),
    Case("leaky_relu_steep", lambda F, a: F.leaky_relu(a, 1.7), [(3, 5)]),
    Case("prelu", lambda F, a, w: F.prelu(a, w), [SHAPE, (3,)]),
    Case("prelu_of_one", lambda F, a, w: F.prelu(a, w), [SHAPE, (1,)]),
    Case("prelu_vector", lambda F, a, w: F.prelu(a, w), [(5,), (1,)]),
    Case("elu", lambda F, a: F.elu(a), [(3, 5)]),
    Case("elu_alpha", lambda F, a: F.elu(a * 3, alpha=0.3), [(3, 5)]),
    Case("gelu", lambda F, a: F.gelu(a * 2), [(3, 5)]),
    Case("gelu_tanh", lambda F, a: F.gelu(a * 2, approximate="tanh"), [(3, 5)]),
    Case("silu", lambda F, a: F.silu(a * 2), [(3, 5)]),
    # torch keeps the slope, 1/6, in float32, and cannot differentiate it; the differences hold ours to be exact
    Case("hardsigmoid", lambda F, a: F.hardsigmoid(a * 3), [(3, 7)], looser=1e5, torch_twice=False),
    Case("hardswish", lambda F, a: F.hardswish(a * 3), [(3, 7)]),
    Case("softplus", lambda F, a: F.softplus(a * 2), [(3, 5)]),
    Case("softplus_sharp", lambda F, a: F.softplus(a, beta=3.5, threshold=2), [(3, 7)]),
    Case("softplus_turned", lambda F, a: F.softplus(a, beta=-0.7), [(3, 7)]),
]
SMALL_CASES = [case for case in CASES if case.name != "relu_large"]
NAMES = [
    "elu", "gelu", "hardsigmoid", "hardswish", "leaky_relu", "relu", "relu6", "sigmoid", "silu", "softplus",
]  # fmt: skip
VALUES = np.array([0.0, -0.0, 3.0, -3.0, 6.0, 20.0, 20.5, 1.0, 100.0, -100.0, 1e4, -1e4])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_kinks_and_extremes_are_treated_as_torch_does(name, dtype, torch):
    values, upstream = VALUES.astype(dtype), np.arange(1, 13).astype(dtype)
    ours, theirs = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    function = torch.sigmoid if name == "sigmoid" else getattr(torch.nn.functional, name)
    y, expected = getattr(ops, name)(ours), function(theirs)
    y.backward(Tensor(upstream))
    expected.backward(torch.tensor(upstream))
    exact = dtype == "float64" and name != "hardsigmoid"  # whose slope, 1/6, torch keeps in float32
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if exact else {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(y.data, expected.detach().numpy(), **tolerance)
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), **tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name):
    assert np.isnan(getattr(ops, name)(minipose.tensor([np.nan, 1.0])).data).tolist() == [True, False]


@pytest.mark.parametrize("name", NAMES)
def test_infinity_is_treated_as_torch_does(name, torch):
    function = torch.sigmoid if name == "sigmoid" else getattr(torch.nn.functional, name)
    values = np.array([np.inf, -np.inf])
    np.testing.assert_array_equal(getattr(ops, name)(Tensor(values)).data, function(torch.tensor(values)).numpy())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_empty_and_0d(name, shape):
    x = Tensor(np.full(shape, 0.5), requires_grad=True)
    y = getattr(ops, name)(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("name", sorted({*NAMES, "prelu"} - {"relu", "sigmoid"}))
def test_integers_are_refused(name):
    more = [minipose.ones(1)] if name == "prelu" else []
    for x in (minipose.tensor([1, 2]), minipose.tensor([True])):
        with pytest.raises(TypeError, match=f"{name}: input must hold floating-point numbers"):
            getattr(ops, name)(x, *more)


def test_relu_and_sigmoid_of_integers():
    assert ops.relu(minipose.tensor([-1, 2])).tolist() == [0, 2]
    assert ops.sigmoid(minipose.tensor([0])).dtype == minipose.float32
    with pytest.raises(TypeError, match="relu: .*bool"):
        ops.relu(minipose.tensor([True]))


X = minipose.ones(2, 3, 5)
ERRORS = [
    (lambda: ops.leaky_relu(X, "a"), TypeError, "leaky_relu: negative_slope"),
    (lambda: ops.leaky_relu(X, float("nan")), ValueError, "leaky_relu: negative_slope"),
    (lambda: ops.elu(X, None), TypeError, "elu: alpha"),
    (lambda: ops.gelu(X, "exact"), ValueError, "gelu: approximate must be one of 'none', 'tanh', not 'exact'"),
    (lambda: ops.softplus(X, 0), ValueError, "softplus: beta must not be 0"),
    (lambda: ops.softplus(X, threshold=[1]), TypeError, "softplus: threshold"),
    (lambda: ops.prelu(X, 0.25), TypeError, "prelu: weight must be a Tensor"),
    (lambda: ops.prelu(X, minipose.ones(5)), ValueError, r"prelu: weight must be \(1,\) or \(C,\) = \(3,\).*\(5,\)"),
    (lambda: ops.prelu(X, minipose.ones(1, 3)), ValueError, r"prelu: weight .*\(1, 3\)"),
    (lambda: ops.prelu(X, minipose.ones(3, dtype="float64")), TypeError, "prelu: weight is float64"),
    (lambda: ops.prelu(X, minipose.tensor([1])), TypeError, "prelu: weight must hold floating-point"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
