import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

CASES = [
    Case("abs", lambda F, a: abs(a), [(3, 5)]),
    Case("square", lambda F, a: F.square(a), [(3, 5)]),
    Case("exp", lambda F, a: F.exp(a), [(3, 5)]),
    Case("expm1", lambda F, a: F.expm1(a), [(3, 5)]),
    Case("expm1_near_zero", lambda F, a: F.expm1(a * 1e-6), [(3, 5)]),
    Case("log", lambda F, a: F.log(a), [(3, 5)], positive=True),
    Case("log1p", lambda F, a: F.log1p(a), [(3, 5)], positive=True),
    Case("log1p_near_zero", lambda F, a: F.log1p(a * 1e-6), [(3, 5)]),
    Case("sqrt", lambda F, a: F.sqrt(a), [(3, 5)], positive=True),
    Case("rsqrt", lambda F, a: F.rsqrt(a), [(3, 5)], positive=True),
    Case("reciprocal", lambda F, a: F.reciprocal(a), [(3, 5)], positive=True),
    Case("sin", lambda F, a: F.sin(a * 5), [(3, 5)]),
    Case("cos", lambda F, a: F.cos(a * 5), [(3, 5)]),
    Case("tanh", lambda F, a: F.tanh(a), [(3, 5)]),
    Case("erf", lambda F, a: F.erf(a), [(3, 5)]),
    Case("erf_of_an_image", lambda F, a: F.erf(a), [(2, 3, 7, 5)]),
    Case("methods", lambda F, a: a.sin().exp().square().sqrt().expm1().log1p().tanh().cos().rsqrt(), [()]),
]
NAMES = ["abs", "cos", "erf", "exp", "expm1", "log", "log1p", "reciprocal", "rsqrt", "sin", "sqrt", "square", "tanh"]


@pytest.mark.parametrize("name", NAMES)
def test_methods_are_the_functions(name, rng):
    x = Tensor(np.abs(rng.standard_normal((3, 5))) + 0.5)
    np.testing.assert_array_equal(getattr(x, name)().data, getattr(ops, name)(x).data)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_are_those_of_torch(name, dtype, torch):
    values = np.array([0, 1, 1]).astype(dtype)
    try:
        expected = getattr(torch, name)(torch.tensor(values))
    except (RuntimeError, NotImplementedError):
        with pytest.raises(TypeError, match=f"{name}: "):
            getattr(ops, name)(Tensor(values))
        return
    actual = getattr(ops, name)(Tensor(values))
    assert str(actual.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(actual.data, expected.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_special_values_and_their_slopes_are_those_of_torch(name, torch):
    values = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-300, -2.5])
    ours, theirs = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, expected = getattr(ops, name)(ours), getattr(torch, name)(theirs)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-14)
    y.backward(Tensor(np.ones(9)))
    expected.backward(torch.ones(9, dtype=torch.float64))
    slopes = theirs.grad.numpy()
    if name == "abs":
        slopes[6] = np.nan  # torch hides a NaN here
    np.testing.assert_allclose(ours.grad.data, slopes, rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1)])
def test_empty_and_0d(name, shape):
    x = Tensor(np.full(shape, 0.5), requires_grad=True)
    y = getattr(ops, name)(x)
    assert y.shape == shape and y.dtype == minipose.float64
    y.sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1.0, [1.0], "a", np.array(["a"]), np.array([1j])], ids=lambda v: str(v))
def test_what_is_no_tensor(name, value):
    with pytest.raises(TypeError, match=f"^{name}: input must be a Tensor or an array"):
        getattr(ops, name)(value)


def test_abs_has_no_slope_at_zero():
    x = minipose.tensor([0.0, -2.0, 3.0], requires_grad=True)
    x.abs().backward(minipose.tensor([5.0, 7.0, 11.0]))
    np.testing.assert_array_equal(x.grad.data, [0, -7, 11])
