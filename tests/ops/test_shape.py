import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
CASES = [
    Case("reshape", lambda F, x: x.reshape(5, -1, 6), [SHAPE]),
    Case("reshape_list", lambda F, x: F.reshape(x, (7, 30)), [SHAPE]),
    Case("view", lambda F, x: (x * 1).view(6, 35) if x.shape != SHAPE else x.reshape(6, 35), [SHAPE]),
    Case("flatten", lambda F, x: F.flatten(x), [SHAPE]),
    Case("flatten_from", lambda F, x: x.flatten(1), [SHAPE]),
    Case("flatten_between", lambda F, x: F.flatten(x, 1, -2), [SHAPE]),
    Case("permute", lambda F, x: x.permute(2, 0, 3, 1), [SHAPE]),
    Case("permute_negative", lambda F, x: F.permute(x, (0, -2, -1, 1)), [SHAPE]),
    Case("transpose", lambda F, x: x.transpose(1, -1), [SHAPE]),
    Case("T", lambda F, x: x.T, [(7, 5)]),
    Case("squeeze", lambda F, x: x.squeeze(), [(1, 3, 1, 5)]),
    Case("squeeze_one", lambda F, x: x.squeeze(2), [(1, 3, 1, 5)]),
    Case("squeeze_long", lambda F, x: x.squeeze(1), [(1, 3, 1, 5)]),
    Case("unsqueeze", lambda F, x: x.unsqueeze(1), [(3, 5)]),
    Case("unsqueeze_last", lambda F, x: x.unsqueeze(-1), [(3, 5)]),
    Case("expand", lambda F, x: x.expand(2, 3, 7, 5), [(3, 1, 5)]),
    Case("broadcast_to", lambda F, x: F.broadcast_to(x, (2, 3, 7, 5)), [(3, 1, 5)]),
    Case("movedim", lambda F, x: F.movedim(x, 1, -1), [SHAPE]),
    Case("movedim_several", lambda F, x: x.movedim((0, -1), (2, 0)), [SHAPE]),
    Case("expand_kept", lambda F, x: x.expand(-1, 7), [(3, 1)]),
]
LINEAR = CASES


def test_reshape_keeps_the_row_major_order(rng):
    x = rng.standard_normal((2, 3, 5))
    np.testing.assert_array_equal(Tensor(x).reshape(5, 6).data.ravel(), x.ravel())
    channels_last = np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_array_equal(Tensor(channels_last).reshape(30).data, x.ravel())


def test_reshape_of_nothing():
    assert minipose.zeros(0, 3).reshape(-1).shape == (0,)
    assert minipose.zeros(0, 3).reshape(3, 0, 7).shape == (3, 0, 7)
    assert minipose.tensor(2.0).flatten().shape == (1,)
    assert minipose.zeros(1, 1).squeeze().shape == ()


ERRORS = [
    (lambda x: x.reshape(7, 4), ValueError, r"reshape: \(2, 3, 5\) has 30 entries.*\(7, 4\)"),
    (lambda x: x.reshape(-1, 4), ValueError, r"reshape: \(2, 3, 5\).*\(-1, 4\)"),
    (lambda x: x.reshape(-1, -1), ValueError, r"reshape: \(2, 3, 5\)"),
    (lambda x: x.reshape(-2, -15), ValueError, r"reshape: \(2, 3, 5\)"),
    (lambda x: x.reshape(2.0, 15), TypeError, "reshape: .*2.0"),
    (lambda x: x.flatten(2, 1), ValueError, "flatten: start_dim 2 .* end_dim 1"),
    (lambda x: x.flatten(3), ValueError, "flatten: dim 3 .* 3 axes"),
    (lambda x: x.permute(0, 1), ValueError, r"permute: \(0, 1\).* 3 axes"),
    (lambda x: x.permute(0, 1, 1), ValueError, "permute: .*twice"),
    (lambda x: x.permute(0, 1, 3), ValueError, "permute: dim .* 3 axes"),
    (lambda x: x.permute(0, 1, "2"), TypeError, "permute: "),
    (lambda x: x.transpose(0, 3), ValueError, "transpose: dim 3 .* 3 axes"),
    (lambda x: x.squeeze(3), ValueError, "squeeze: dim 3 .* 3 axes"),
    (lambda x: x.unsqueeze(5), ValueError, "unsqueeze: dim 5"),
    (lambda x: x.expand(2, 4, 5), ValueError, r"expand: \(2, 3, 5\).*\(2, 4, 5\)"),
    (lambda x: x.expand(3, 5), ValueError, r"expand: \(2, 3, 5\).*\(3, 5\)"),
    (lambda x: x.expand(-1, 2, 3, 5), ValueError, r"expand: \(2, 3, 5\)"),
    (lambda x: x.expand(2, 3, 5.0), TypeError, "expand: "),
    (lambda x: ops.broadcast_to(x, (3, 5)), ValueError, r"broadcast_to: \(2, 3, 5\).*\(3, 5\)"),
    (lambda x: ops.broadcast_to(x, 3), TypeError, "broadcast_to: shape must be a tuple"),
    (lambda x: x.movedim(0, (1, 2)), ValueError, "movedim: source 0 and destination"),
    (lambda x: x.movedim((0, 0), (1, 2)), ValueError, "movedim: .*twice"),
    (lambda x: x.movedim(3, 0), ValueError, "movedim: dim"),
    (lambda x: x.T, ValueError, r"T: .*\(2, 3, 5\)"),
    (lambda x: x[0, 0].T, ValueError, r"T: .*\(5,\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call(minipose.ones(2, 3, 5))
