import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
CASES = [
    Case("add", lambda F, a, b: a + b, [SHAPE, SHAPE]),
    Case("add_broadcast", lambda F, a, b: a + b, [(2, 3, 1, 5), (7, 1)]),
    Case("add_scalar_tensor", lambda F, a, b: a + b, [(), (3, 5)]),
    Case("add_number", lambda F, a: 3 + (a + 2.5), [(3, 5)]),
    Case("sub", lambda F, a, b: a - b, [(3, 7), (3, 7)]),
    Case("sub_broadcast", lambda F, a, b: a - b, [(5,), (2, 3, 5)]),
    Case("sub_number", lambda F, a: 2 - (a - 0.5), [(3, 5)]),
    Case("mul", lambda F, a, b: a * b, [(3, 7), (3, 7)]),
    Case("mul_broadcast", lambda F, a, b: a * b, [(3, 1, 5), (2, 1, 7, 1)]),
    Case("mul_number", lambda F, a: 2 * a * -1.5, [(3, 5)]),
    Case("square", lambda F, a: a * a, [(3, 5)]),
    Case("cube_of_one_tensor", lambda F, a: a * a * a - a, [(3, 5)]),
    Case("div", lambda F, a, b: a / b, [(3, 7), (3, 7)], positive=True),
    Case("div_broadcast", lambda F, a, b: a / b, [(5,), (3, 1)], positive=True),
    Case("div_number", lambda F, a: 3 / (a / 7), [(3, 5)], positive=True),
    Case("pow", lambda F, a, b: a**b, [(3, 5), (3, 5)], positive=True),
    Case("pow_broadcast", lambda F, a, b: a**b, [(3, 1), (2, 1, 5)], positive=True),
    Case("cube", lambda F, a: a**3, [(3, 5)]),
    Case("inverse_root", lambda F, a: a**-0.5, [(3, 5)], positive=True),
    Case("number_to_the_power", lambda F, a: 2**a, [(3, 5)]),
    Case("neg", lambda F, a: -a, [(3, 5)]),
]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sigmoid", "relu", "abs", "neg"])
def test_methods_are_the_functions(name, rng):
    x = Tensor(np.abs(rng.standard_normal((3, 5))) + 0.5)
    function = getattr(ops, name)
    np.testing.assert_array_equal(getattr(x, name)().data, function(x).data)


def test_relu_keeps_nan_and_is_flat_at_zero():
    x = minipose.tensor([-2.0, 0.0, 3.0, np.nan, np.inf], requires_grad=True)
    y = ops.relu(x)
    np.testing.assert_array_equal(y.data, np.float32([0, 0, 3, np.nan, np.inf]))
    y.backward(minipose.tensor([5.0, 7.0, 11.0, 1.0, 13.0]))
    np.testing.assert_array_equal(x.grad.data[[0, 1, 2, 4]], [0, 0, 11, 13])


@pytest.mark.parametrize("size", [7, 40_009])
@oracle.each_dtype
def test_relu_stops_an_infinite_gradient(size, dtype):
    x = Tensor(np.full(size, -1.0, dtype), requires_grad=True)
    ops.relu(x).backward(Tensor(np.full(size, np.inf, dtype)))
    np.testing.assert_array_equal(x.grad.data, np.zeros(size))


def test_sigmoid_does_not_overflow():
    x = minipose.tensor([-1000.0, -100.0, 0.0, 100.0, 1000.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ops.sigmoid(x)
        y.backward(minipose.ones(5))
    np.testing.assert_allclose(y.data, [0, 0, 0.5, 1, 1], atol=1e-30)
    np.testing.assert_allclose(x.grad.data, [0, 0, 0.25, 0, 0], atol=1e-30)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, 1.5])
def test_power_at_zero(exponent, torch):
    ours, theirs = Tensor(np.zeros(2), requires_grad=True), torch.zeros(2, dtype=torch.float64, requires_grad=True)
    with np.errstate(divide="ignore"):
        (ours**exponent).backward(Tensor(np.array([2.0, -3.0])))
    (theirs**exponent).backward(torch.tensor([2.0, -3.0], dtype=torch.float64))
    np.testing.assert_array_equal(ours.grad.data, theirs.grad.numpy())


def test_power_with_tensor_exponent_at_zero(torch):
    base, exponent, upstream = np.array([[0.0, 0, 2, 3], [0, 2, 0, 2], [5, 7, 11, 13]])
    ours = [Tensor(v.copy(), requires_grad=True) for v in (base, exponent)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (base, exponent)]
    (ours[0] ** ours[1]).backward(Tensor(upstream))
    (theirs[0] ** theirs[1]).backward(torch.tensor(upstream))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-12)


def test_abs_has_no_slope_at_zero():
    x = minipose.tensor([0.0, -2.0, 3.0], requires_grad=True)
    x.abs().backward(minipose.tensor([5.0, 7.0, 11.0]))
    np.testing.assert_array_equal(x.grad.data, [0, -7, 11])


NUMBERS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2)]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{type(n).__name__}")
@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div", "pow"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_never_changes_the_dtype(number, operation, dtype):
    if operation == "sub" and number is True:
        pytest.skip("booleans have no difference")
    x = Tensor(np.array([1.5, 2.5], dtype))
    assert getattr(ops, operation)(x, number).dtype == dtype
    assert getattr(ops, operation)(number, x).dtype == dtype


@pytest.mark.parametrize("first", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("second", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("operation", ["add", "mul", "div"])
def test_dtype_rules_are_those_of_torch(first, second, operation, torch):
    a, b = np.array([1, 1]).astype(first), np.array([1, 1]).astype(second)
    expected = getattr(torch, operation)(torch.tensor(a), torch.tensor(b))
    actual = getattr(ops, operation)(Tensor(a), Tensor(b))
    assert str(actual.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_array_equal(actual.data, expected.numpy())


@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
@pytest.mark.parametrize("operation", ["add", "mul", "div"])
def test_dtype_with_python_numbers_is_that_of_torch(number, dtype, operation, torch):
    a = np.array([3, 4]).astype(dtype)
    expected = getattr(torch, operation)(torch.tensor(a), number)
    actual = getattr(ops, operation)(Tensor(a), number)
    assert str(actual.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(actual.data, expected.numpy(), rtol=1e-6)


def test_integers_become_float32_where_the_result_is_no_integer():
    x = minipose.tensor([1, 4])
    for function in (ops.exp, ops.log, ops.sqrt, ops.sigmoid):
        assert function(x).dtype == minipose.float32


def test_to_converts_there_and_back(rng):
    x = Tensor(rng.standard_normal((3, 5)).astype("float32"), requires_grad=True)
    y = x.to("float64")
    assert y.dtype == minipose.float64
    upstream = rng.standard_normal((3, 5))
    (y * 3).backward(Tensor(upstream))
    assert x.grad.dtype == minipose.float32
    np.testing.assert_allclose(x.grad.data, 3 * upstream, rtol=1e-6)
    assert x.to("float32") is x and x.to("cpu") is x and x.cpu() is x
    integers = x.to(minipose.int64)
    assert integers.dtype == minipose.int64 and not integers.requires_grad


def test_to_an_unknown_place_names_it():
    with pytest.raises((TypeError, ValueError), match="gpu"):
        minipose.zeros(2).to("gpu")


BINARY = ["add", "sub", "mul", "div", "pow"]


@pytest.mark.parametrize("name", BINARY)
def test_shapes_that_do_not_broadcast(name):
    with pytest.raises(ValueError, match=rf"{name}: .*\(2, 3\).*\(2, 5\)"):
        getattr(ops, name)(minipose.ones(2, 3), minipose.ones(2, 5))
    with pytest.raises(ValueError, match=rf"{name}: .*\(3, 2\).*\(3,\)"):
        getattr(ops, name)(minipose.ones(3, 2), minipose.ones(3))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("value", [None, "two", [1.0], 1j], ids=["None", "str", "list", "complex"])
def test_operands_that_are_no_numbers(name, value):
    with pytest.raises(TypeError, match=rf"{name}: .*{type(value).__name__}"):
        getattr(ops, name)(minipose.ones(2, 3), value)
    with pytest.raises(TypeError, match=rf"{name}: .*{type(value).__name__}"):
        getattr(ops, name)(value, minipose.ones(2, 3))


@pytest.mark.parametrize("name", ["neg", "abs", "exp", "log", "sqrt", "sigmoid", "relu"])
def test_unary_operations_want_tensors(name):
    with pytest.raises(TypeError, match=rf"{name}: .*list"):
        getattr(ops, name)([1.0])
