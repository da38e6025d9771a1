import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

CASES = [
    Case(f"mse_{reduction}", lambda F, a, b, r=reduction: F.mse_loss(a, b, reduction=r), [(2, 3, 7, 5)] * 2)
    for reduction in ("mean", "sum", "none")
] + [Case("mse_default", lambda F, a, b: F.mse_loss(a, b), [(7, 5)] * 2)]


def test_value_of_the_definition(rng):
    a, b = rng.standard_normal((2, 7, 5))
    np.testing.assert_allclose(ops.mse_loss(Tensor(a), Tensor(b)).item(), ((a - b) ** 2).mean(), rtol=1e-12)


ONES = minipose.ones(7, 1)
ERRORS = [
    (lambda: ops.mse_loss(ONES, minipose.ones(7)), ValueError, r"mse_loss: input .*\(7, 1\).*\(7,\)"),
    (lambda: ops.mse_loss(ONES, ONES, reduction="average"), ValueError, "mse_loss: reduction .*'average'"),
    (lambda: ops.mse_loss(ONES.data, ONES), TypeError, "mse_loss: input .*ndarray"),
    (lambda: ops.mse_loss(ONES, 1.0), TypeError, "mse_loss: target .*float"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
