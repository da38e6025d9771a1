import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
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
    Case("expand_kept", lambda F, x: x.expand(-1, 7), [(3, 1)]),
    Case("cat", lambda F, a, b, c: F.cat([a, b, c]), [(2, 3), (5, 3), (1, 3)]),
    Case("cat_channels", lambda F, a, b: F.cat((a, b), dim=1), [(2, 3, 7, 5), (2, 2, 7, 5)]),
    Case("cat_last", lambda F, a, b: F.cat([a, b], dim=-1), [(2, 3), (2, 7)]),
    Case("cat_with_itself", lambda F, a: F.cat([a, a * 2]), [(2, 3)]),
    Case("index", lambda F, x: x[1], [SHAPE]),
    Case("index_negative", lambda F, x: x[-1, :, -2], [SHAPE]),
    Case("index_slices", lambda F, x: x[:, 1:, 1:6:2, ::3], [SHAPE]),
    Case("index_ellipsis", lambda F, x: x[..., 2], [SHAPE]),
    Case("index_none", lambda F, x: x[:, None, 1], [SHAPE]),
    Case("index_one_entry", lambda F, x: x[1, 2, 3, 4], [SHAPE]),
    Case("index_twice", lambda F, x: x[:, 1] * x[:, 2], [SHAPE]),
    Case("index_numpy_integer", lambda F, x: x[np.int64(1)], [SHAPE]),
]
LINEAR = [case for case in CASES if case.name != "index_twice"]


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


def test_an_index_array_never_gives_a_wrong_gradient():
    x = minipose.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for index in (np.array([0, 0, 1]), Tensor(np.array([0, 0, 1])), [0, 0, 1], np.array([True, False, True]), True):
        with pytest.raises((NotImplementedError, TypeError), match="getitem"):
            x[index]


def test_cat_follows_the_dtype_rule_of_addition(torch):
    ours = ops.cat([minipose.tensor([1.5]), minipose.tensor([2])])
    assert ours.dtype == minipose.float32
    np.testing.assert_array_equal(ours.data, torch.cat([torch.tensor([1.5]), torch.tensor([2])]).numpy())


def test_cat_keeps_channels_last(rng):
    parts = [oracle.LAYOUTS["channels_last"](rng.standard_normal((2, c, 7, 5))) for c in (3, 2)]
    assert ops.cat([Tensor(p) for p in parts], dim=1).data.transpose(0, 2, 3, 1).flags.c_contiguous


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
    (lambda x: ops.cat([]), ValueError, "cat: "),
    (lambda x: ops.cat([x, x[:, :2]]), ValueError, r"cat: tensor 1 .*\(2, 2, 5\).*\(2, 3, 5\).*dim 0"),
    (lambda x: ops.cat([x, x[0]]), ValueError, r"cat: tensor 1 .*\(3, 5\).*\(2, 3, 5\)"),
    (lambda x: ops.cat([x, x], dim=3), ValueError, "cat: dim 3 .* 3 axes"),
    (lambda x: x[2], IndexError, "2"),
    (lambda x: x[0, 0, 0, 0], IndexError, "4"),
    (lambda x: x["a"], (NotImplementedError, TypeError), "getitem: .*str"),
    (lambda x: x.T, ValueError, r"T: .*\(2, 3, 5\)"),
    (lambda x: x[0, 0].T, ValueError, r"T: .*\(5,\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call(minipose.ones(2, 3, 5))
