import operator

import numpy as np
import pytest

import minipose
from minipose import Tensor


@pytest.mark.parametrize(("data", "text"), [
    (minipose.ones(2), "Tensor: .*detach"),
    (None, "Tensor: .*NoneType"),
    ("abc", "Tensor: .*str"),
    (np.array(["a"]), "Tensor: "),
])  # fmt: skip
def test_what_a_tensor_cannot_wrap(data, text):
    with pytest.raises(TypeError, match=text):
        Tensor(data)


# ---- attributes and conversions ----


def test_shape_and_size():
    x = minipose.zeros(2, 3, 5)
    assert x.size() == x.shape == (2, 3, 5) and x.size(1) == 3 and x.size(-1) == 5
    assert x.ndim == x.dim() == 3 and x.numel() == 30 and len(x) == 2
    assert minipose.tensor(1.0).shape == () and minipose.tensor(1.0).numel() == 1


def test_item():
    assert minipose.tensor([[2.5]]).item() == 2.5 and isinstance(minipose.tensor(3).item(), int)
    assert float(minipose.tensor(2.5)) == 2.5 and int(minipose.tensor([3.0])) == 3
    with pytest.raises(ValueError, match=r"item: .*\(2,\)"):
        minipose.ones(2).item()


def test_numpy_shares_memory_and_refuses_where_a_gradient_flows():
    x = minipose.ones(2)
    assert x.numpy() is x.data
    with pytest.raises(RuntimeError, match="detach"):
        minipose.ones(2, requires_grad=True).numpy()
    assert minipose.tensor([[1, 2]]).tolist() == [[1, 2]]


def test_truth():
    assert minipose.tensor(1.0) and not minipose.tensor([[0]])
    with pytest.raises(ValueError, match=r"bool: .*\(2,\)"):
        bool(minipose.ones(2))
    with pytest.raises(TypeError, match="len: "):
        len(minipose.tensor(1.0))


def test_iteration():
    assert [row.tolist() for row in minipose.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="0-d"):
        list(minipose.tensor(3.0))


def test_requires_grad_in_place():
    x = minipose.ones(2)
    assert x.requires_grad_() is x and x.requires_grad
    assert not x.requires_grad_(False).requires_grad
    with pytest.raises(TypeError, match="requires_grad_: .*int64"):
        minipose.tensor([1]).requires_grad_()
    with pytest.raises(RuntimeError, match="requires_grad_: "):
        (minipose.ones(2, requires_grad=True) * 2).requires_grad_(False)


def test_data_may_be_assigned():
    x = minipose.ones(2, requires_grad=True)
    x.data = np.array([3.0, 4.0], np.float32)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [6, 8])


def test_repr():
    assert repr(minipose.tensor([1.0, -2.5])) == "tensor([ 1. , -2.5])"
    assert repr(minipose.tensor([1, 2])) == "tensor([1, 2])"
    assert repr(minipose.tensor(True)) == "tensor(True)"
    assert repr(minipose.zeros(1, dtype="float64")) == "tensor([0.], dtype=float64)"
    x = minipose.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 2.], grad_fn=<mul>)"
    assert len(repr(minipose.zeros(500, 500))) < 1000


def test_tensors_are_keys_by_identity():
    a, b = minipose.ones(2), minipose.ones(2)
    assert len({a: 1, b: 2, a.detach(): 3}) == 3 and {a: 1}[a] == 1


# ---- operators ----

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("operation", OPERATORS)
def test_operators_with_numbers_and_arrays_from_either_side(operation, rng):
    values = (np.abs(rng.standard_normal((3, 5))) + 0.5).astype(np.float32)
    array = (np.abs(rng.standard_normal((5,))) + 0.5).astype(np.float32)
    x = Tensor(values, requires_grad=True)
    for other in (2, 0.5, array):
        for result, expected in (
            (operation(x, other), operation(values, other)),
            (operation(other, x), operation(other, values)),
        ):
            assert isinstance(result, Tensor) and result.dtype == minipose.float32 and result.requires_grad
            np.testing.assert_allclose(result.data, expected, rtol=1e-6)


def test_augmented_assignment_makes_a_new_tensor():
    x = minipose.ones(2, requires_grad=True)
    y = x
    y += 1
    y *= x
    assert y is not x
    np.testing.assert_array_equal(x.data, [1, 1])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [3, 3])


COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("operation", COMPARISONS)
def test_comparisons(operation):
    values, others = np.float32([1, 2, 3]), np.float32([3, 2, 1])
    x = Tensor(values, requires_grad=True)
    for left, right, expected in (
        (x, Tensor(others), operation(values, others)),
        (x, others, operation(values, others)),
        (others, x, operation(others, values)),
        (x, 2, operation(values, 2)),
        (2, x, operation(2, values)),
        (x.reshape(3, 1), Tensor(others), operation(values[:, None], others)),
    ):
        result = operation(left, right)
        assert isinstance(result, Tensor) and result.dtype == minipose.bool_ and not result.requires_grad
        np.testing.assert_array_equal(result.data, expected)


@pytest.mark.parametrize("operation", COMPARISONS)
def test_comparisons_of_shapes_that_do_not_broadcast(operation):
    with pytest.raises(ValueError, match=rf"{operation.__name__}: .*\(2, 3\).*\(4,\)"):
        operation(minipose.ones(2, 3), minipose.ones(4))


def test_negative_and_absolute():
    x = minipose.tensor([1.0, -2.0])
    np.testing.assert_array_equal((-x).data, [-1, 2])
    np.testing.assert_array_equal(abs(x).data, [1, 2])
