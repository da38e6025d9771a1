import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
MEAN, VAR = np.array([0.3, -1.1, 2.0]), np.array([0.7, 1.9, 3.1])


def running(F, x):
    return F.tensor(MEAN).to(x.dtype), F.tensor(VAR).to(x.dtype)


def train(*shapes, name, **options):
    return Case(name, lambda F, x, *more: F.batch_norm(x, None, None, *more, training=True, **options), shapes)


CASES = [
    train(SHAPE, (3,), (3,), name="training"),
    train(SHAPE, (3,), (3,), name="training_large_eps", eps=0.3),
    train(SHAPE, name="training_plain"),
    train(SHAPE, (3,), name="training_weight_only"),
    train((2, 1, 3, 5), (1,), (1,), name="training_one_channel"),
    train((2, 3, 1, 1), (3,), (3,), name="training_two_values", eps=0.1),
    Case("running", lambda F, x, w, b: F.batch_norm(x, *running(F, x), w, b, training=True), [SHAPE, (3,), (3,)]),
    Case("evaluation", lambda F, x, w, b: F.batch_norm(x, *running(F, x), w, b), [SHAPE, (3,), (3,)]),
    Case("evaluation_plain", lambda F, x: F.batch_norm(x, *running(F, x), eps=0.3), [SHAPE]),
    Case("same_weight_and_bias", lambda F, x, w: F.batch_norm(x, None, None, w, w, training=True), [SHAPE, (3,)]),
]


@oracle.each_dtype
def test_result_has_the_mean_of_bias_and_the_deviation_of_weight(dtype, rng):
    x = Tensor((rng.standard_normal((5, 3, 7, 11)) * 4 + 2).astype(dtype))
    weight, bias = Tensor(np.array([0.5, -2, 3], dtype)), Tensor(np.array([7, 0, -1], dtype))
    y = ops.batch_norm(x, None, None, weight, bias, training=True).data
    np.testing.assert_allclose(y.mean((0, 2, 3)), bias.data, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 2, 3)), np.abs(weight.data), rtol=1e-4)


@oracle.each_dtype
@pytest.mark.parametrize("momentum", [0.1, 0.3, 1.0])
def test_running_statistics_move_to_the_unbiased_variance(dtype, momentum, rng):
    x = rng.standard_normal(SHAPE) * 3 + 1
    mean, var = Tensor(MEAN.astype(dtype)), Tensor(VAR.astype(dtype))
    ops.batch_norm(Tensor(x.astype(dtype)), mean, var, training=True, momentum=momentum)
    expected_mean = (1 - momentum) * MEAN + momentum * x.mean((0, 2, 3))
    expected_var = (1 - momentum) * VAR + momentum * x.var((0, 2, 3), ddof=1)
    tolerance = oracle.TOLERANCES[dtype]
    oracle.assert_close(mean.data, expected_mean, tolerance)
    oracle.assert_close(var.data, expected_var, tolerance)
    assert mean.dtype == dtype and not mean.requires_grad


def test_running_statistics_match_torch(rng, torch):
    x = rng.standard_normal(SHAPE)
    ours, theirs = [Tensor(MEAN.copy()), Tensor(VAR.copy())], [torch.tensor(MEAN), torch.tensor(VAR)]
    for momentum in (0.1, 0.7):
        ops.batch_norm(Tensor(x), *ours, training=True, momentum=momentum)
        torch.nn.functional.batch_norm(torch.tensor(x), *theirs, training=True, momentum=momentum)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-12)


def test_evaluation_leaves_the_running_statistics_alone(rng):
    mean, var = Tensor(MEAN.copy()), Tensor(VAR.copy())
    ops.batch_norm(Tensor(rng.standard_normal(SHAPE)), mean, var, momentum=0.9)
    np.testing.assert_array_equal(mean.data, MEAN)
    np.testing.assert_array_equal(var.data, VAR)


@oracle.each_dtype
def test_evaluation_of_an_empty_batch_and_of_one_value(dtype):
    mean, var = Tensor(MEAN.astype(dtype)), Tensor(VAR.astype(dtype))
    assert ops.batch_norm(Tensor(np.zeros((0, 3, 7, 5), dtype)), mean, var).shape == (0, 3, 7, 5)
    y = ops.batch_norm(Tensor(np.zeros((1, 3, 1, 1), dtype)), mean, var, eps=0.0)
    np.testing.assert_allclose(y.data.ravel(), -MEAN / np.sqrt(VAR), rtol=1e-6)


def test_evaluation_is_differentiated_with_the_statistics_it_used(rng):
    x, mean, var = Tensor(rng.standard_normal(SHAPE)), Tensor(MEAN.copy()), Tensor(VAR.copy())
    weight, upstream = minipose.ones(3, dtype="float64", requires_grad=True), rng.standard_normal(SHAPE)
    y = ops.batch_norm(x, mean, var, weight, eps=0.0)
    ops.batch_norm(x, mean, var, training=True, momentum=0.5)  # moves the running statistics in place
    y.backward(Tensor(upstream))
    normalised = (x.data - MEAN.reshape(3, 1, 1)) / np.sqrt(VAR).reshape(3, 1, 1)
    np.testing.assert_allclose(weight.grad.data, (upstream * normalised).sum((0, 2, 3)), rtol=1e-10)


X, C3, C2 = minipose.ones(2, 3, 7, 5), minipose.ones(3), minipose.ones(2)
ERRORS = [
    (lambda: ops.batch_norm(X.data, None, None, training=True), TypeError, "batch_norm: input .*ndarray"),
    (lambda: ops.batch_norm(X[0], None, None, training=True), ValueError, r"batch_norm: input .*\(3, 7, 5\)"),
    (lambda: ops.batch_norm(X.to("int64"), None, None, training=True), TypeError, "batch_norm: input .*int64"),
    (lambda: ops.batch_norm(X, C2, C3), ValueError, r"batch_norm: running_mean .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C2), ValueError, r"batch_norm: running_var .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C2), ValueError, r"batch_norm: weight .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C3, C2), ValueError, r"batch_norm: bias .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C3.data), (TypeError, ValueError), "batch_norm: weight "),
    (lambda: ops.batch_norm(X, C3, C3, C3.to("float64"), training=True), TypeError, "batch_norm: .*weight.*float64"),
    (lambda: ops.batch_norm(X, None, None), ValueError, "batch_norm: running_mean and running_var .*training=False"),
    (
        lambda: ops.batch_norm(minipose.ones(1, 3, 1, 1), C3, C3, training=True), ValueError,
        "batch_norm: .*more than one value.*N=1 C=3 H=1 W=1",
    ),
    (
        lambda: ops.batch_norm(minipose.ones(0, 3, 7, 5), C3, C3, training=True), ValueError,
        "batch_norm: .*more than one value.*N=0 C=3 H=7 W=5",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
