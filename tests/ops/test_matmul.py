import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

CASES = [
    Case("matrices", lambda F, a, b: a @ b, [(7, 5), (5, 3)]),
    Case("one_column", lambda F, a, b: a @ b, [(7, 5), (5, 1)]),
    Case("one_row", lambda F, a, b: F.matmul(a, b), [(1, 5), (5, 3)]),
    Case("inner_length_1", lambda F, a, b: a @ b, [(7, 1), (1, 3)]),
    Case("large", lambda F, a, b: (a @ b)[:3, :5], [(29, 17), (17, 37)]),
    Case("transposed", lambda F, a, b: a.T @ b.T, [(5, 7), (3, 5)]),
    Case("with_itself", lambda F, a: a @ a, [(5, 5)]),
    Case("stack", lambda F, a, b: a @ b, [(2, 7, 5), (2, 5, 3)]),
    Case("stack_by_matrix", lambda F, a, b: a @ b, [(2, 7, 5), (5, 3)]),
    Case("matrix_by_stack", lambda F, a, b: a @ b, [(7, 5), (2, 5, 3)]),
    Case("broadcast", lambda F, a, b: a @ b, [(3, 1, 7, 5), (2, 5, 3)]),
    Case("vectors", lambda F, a, b: a @ b, [(5,), (5,)]),
    Case("matrix_vector", lambda F, a, b: a @ b, [(7, 5), (5,)]),
    Case("vector_matrix", lambda F, a, b: a @ b, [(5,), (5, 3)]),
    Case("stack_vector", lambda F, a, b: a @ b, [(2, 7, 5), (5,)]),
    Case("vector_stack", lambda F, a, b: a @ b, [(5,), (2, 5, 3)]),
    Case("linear", lambda F, x, w, b: F.linear(x, w, b), [(7, 5), (3, 5), (3,)]),
    Case("linear_without_bias", lambda F, x, w: F.linear(x, w), [(7, 5), (3, 5)]),
    Case("linear_of_a_stack", lambda F, x, w, b: F.linear(x, w, b), [(2, 7, 5), (3, 5), (3,)]),
    Case("linear_of_a_vector", lambda F, x, w, b: F.linear(x, w, b), [(5,), (3, 5), (3,)]),
    Case("linear_to_a_number", lambda F, x, w: F.linear(x, w), [(7, 5), (5,)]),
]
LINEAR = [case for case in CASES if case.name != "with_itself"]


@pytest.mark.parametrize("shapes", [((0, 5), (5, 3)), ((7, 0), (0, 3)), ((7, 5), (5, 0)), ((0, 7, 5), (5, 3))])
@oracle.each_dtype
def test_empty_products(shapes, dtype):
    a, b = (Tensor(np.ones(shape, dtype), requires_grad=True) for shape in shapes)
    y = a @ b
    np.testing.assert_array_equal(y.data, np.matmul(a.data, b.data))
    y.sum().backward()
    assert a.grad.shape == a.shape and b.grad.shape == b.shape


@oracle.each_dtype
def test_linear_of_an_empty_batch(dtype):
    x, w = Tensor(np.ones((0, 5), dtype), requires_grad=True), Tensor(np.ones((3, 5), dtype), requires_grad=True)
    y = ops.linear(x, w, Tensor(np.ones(3, dtype)))
    assert y.shape == (0, 3)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad.data, np.zeros((3, 5)))


def ones(*shape):
    return minipose.ones(*shape)


ERRORS = [
    (lambda: ones(7, 5) @ ones(3, 5), ValueError, r"matmul: .*\(7, 5\).*\(3, 5\)"),
    (lambda: ones(5) @ ones(3), ValueError, r"matmul: .*\(5,\).*\(3,\)"),
    (lambda: ones(2, 7, 5) @ ones(3, 5, 7), ValueError, r"matmul: leading axes.*\(2, 7, 5\).*\(3, 5, 7\)"),
    (lambda: ones(7, 5) @ minipose.tensor(2.0), ValueError, r"matmul: .*\(7, 5\).*\(\)"),
    (lambda: ones(7, 5) @ ones(5, 3).to("float64"), TypeError, "matmul: .*float32.*float64"),
    (lambda: ops.matmul(ones(7, 5), [[1.0]]), TypeError, "matmul: .*list"),
    (lambda: ops.linear(ones(7, 5), ones(3, 4)), ValueError, r"linear: .*\(7, 5\).*C=4.*\(3, 4\)"),
    (lambda: ops.linear(minipose.tensor(1.0), ones(3, 4)), ValueError, r"linear: .*\(\)"),
    (lambda: ops.linear(ones(7, 5), ones(2, 3, 5)), ValueError, r"linear: weight .*\(2, 3, 5\)"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5), ones(5)), ValueError, r"linear: bias .*\(3,\).*\(5,\)"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5), ones(3).to("float64")), TypeError, "linear: .*bias.*float64"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5).to("float64")), TypeError, "linear: .*float32.*float64"),
    (lambda: ops.linear(np.ones((7, 5)), ones(3, 5)), TypeError, "linear: input.*ndarray"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
