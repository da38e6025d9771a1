"""Batch normalisation beside torch, alone and with what follows it; its other properties are in `test_norm.py`."""

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
MEAN, VAR = np.array([0.3, -1.1, 2.0]), np.array([0.7, 1.9, 3.1])


def running(F, x):
    return tuple(F.tensor(values).to(x.dtype).to(x.device) for values in (MEAN, VAR))


def train(*shapes, name, **options):
    return Case(name, lambda F, x, *more: F.batch_norm(x, None, None, *more, training=True, **options), shapes)


def fused(F, x, *statistics_weight_bias, other=None, six=False, **options):
    if F is oracle.Minipose:
        return ops.batch_norm_relu(x, *statistics_weight_bias, other=other, six=six, **options)
    y = F.batch_norm(x, *statistics_weight_bias, **options)
    return (F.relu6 if six else F.relu)(y if other is None else y + other)


PLAIN, OTHER, SIX = (None, None), [SHAPE, (3,), (3,), SHAPE], [SHAPE, (3,), SHAPE]
CASES = [  # torch_twice=False: torch fails at the second derivative of a bias without a weight
    train(SHAPE, (3,), (3,), name="training"),
    train(SHAPE, (3,), (3,), name="training_large_eps", eps=0.3),
    train(SHAPE, name="training_plain"),
    train(SHAPE, (3,), name="training_weight_only"),
    train((2, 1, 3, 5), (1,), (1,), name="training_one_channel"),
    train((2, 3, 1, 1), (3,), (3,), name="training_two_values", eps=0.1),
    Case("running", lambda F, x, w, b: F.batch_norm(x, *running(F, x), w, b, training=True), [SHAPE, (3,), (3,)]),
    Case("evaluation", lambda F, x, w, b: F.batch_norm(x, *running(F, x), w, b), [SHAPE, (3,), (3,)]),
    Case("evaluation_plain", lambda F, x: F.batch_norm(x, *running(F, x), eps=0.3), [SHAPE]),
    train((7, 3), (3,), (3,), name="training_vectors"),
    train((2, 3, 5), (3,), (3,), name="training_lines"),
    train((2, 3, 2, 5, 3), (3,), name="training_volumes"),
    train((2, 3, 1), (3,), name="training_lines_of_one", eps=0.1),
    Case("vectors_in_use", lambda F, x, w, b: F.batch_norm(x, *running(F, x), w, b), [(7, 3), (3,), (3,)]),
    Case("lines_in_use", lambda F, x, b: F.batch_norm(x, *running(F, x), bias=b), [(2, 3, 5), (3,)], torch_twice=False),
    Case("same_weight_and_bias", lambda F, x, w: F.batch_norm(x, None, None, w, w, training=True), [SHAPE, (3,)]),
    Case("relu", lambda F, x, w, b: fused(F, x, *PLAIN, w, b, training=True), OTHER[:3]),
    Case("relu_plain", lambda F, x: fused(F, x, *PLAIN, training=True, eps=0.3), [SHAPE]),
    Case("relu_vectors", lambda F, x, w, o: fused(F, x, *PLAIN, w, other=o, training=True), [(7, 3), (3,), (7, 3)]),
    Case("relu_add", lambda F, x, w, b, o: fused(F, x, *PLAIN, w, b, other=o, training=True), OTHER),
    Case("relu_add_itself", lambda F, x, w: fused(F, x, *PLAIN, w, other=x, training=True), OTHER[:2]),
    Case("relu_in_use", lambda F, x, w, b: fused(F, x, *running(F, x), w, b), OTHER[:3]),
    Case("relu6", lambda F, x, w, b: fused(F, x, *PLAIN, w * 9, b, training=True, six=True), OTHER[:3]),
    Case("relu6_add", lambda F, x, w, o: fused(F, x, *PLAIN, w * 9, other=o, training=True, six=True), SIX),
    Case("relu6_in_use", lambda F, x, w, b: fused(F, x, *running(F, x), w * 9, b, six=True), OTHER[:3]),
    Case("relu_add_in_use", lambda F, x, w, b, o: fused(F, x, *running(F, x), w, b, other=o), OTHER),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("add", [True, False])
@pytest.mark.parametrize("six", [True, False])
def test_fused_is_bit_for_bit_what_it_stands_for(training, add, six, rng):
    x, other = (Tensor(rng.standard_normal((2, 3, 17, 19)).astype(np.float32)) for _ in range(2))
    x.data[:, 0] *= np.linspace(1, 1000, 19, dtype=np.float32)  # so that some are above 6
    statistics = Tensor(MEAN.astype(np.float32)), Tensor(VAR.astype(np.float32))
    fused = ops.batch_norm_relu(x, *statistics, training=training, other=other if add else None, six=six)
    statistics = Tensor(MEAN.astype(np.float32)), Tensor(VAR.astype(np.float32))
    plain = ops.batch_norm(x, *statistics, training=training)
    np.testing.assert_array_equal(fused.data, (ops.relu6 if six else ops.relu)(plain + other if add else plain).data)


def test_fused_of_nothing_is_nothing():
    empty = minipose.zeros(0, 3, 7, 5)
    for other in (None, empty):
        assert ops.batch_norm_relu(empty, None, None, training=True, other=other).shape == (0, 3, 7, 5)


X, C3 = minipose.ones(2, 3, 7, 5), minipose.ones(3)


@pytest.mark.parametrize(("other", "error", "text"), [
    (X.data, TypeError, "other .*ndarray"),
    (minipose.ones(3, 7, 5), ValueError, r"other has shape \(3, 7, 5\), not that of input .*N=2 C=3 H=7 W=5"),
    (X.to("float64"), TypeError, "other is float64 but input float32"),
], ids=["array", "shape", "dtype"])  # fmt: skip
def test_other_must_fit(other, error, text):
    with pytest.raises(error, match=f"^batch_norm_relu: {text}"):
        ops.batch_norm_relu(X, C3, C3, other=other)
