import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

CASES = [
    Case("cat", lambda F, a, b, c: F.cat([a, b, c]), [(2, 3), (5, 3), (1, 3)]),
    Case("cat_channels", lambda F, a, b: F.cat((a, b), dim=1), [(2, 3, 7, 5), (2, 2, 7, 5)]),
    Case("cat_last", lambda F, a, b: F.cat([a, b], dim=-1), [(2, 3), (2, 7)]),
    Case("cat_with_itself", lambda F, a: F.cat([a, a * 2]), [(2, 3)]),
    Case("stack", lambda F, a, b, c: F.stack([a, b, c]), [(2, 5)] * 3),
    Case("stack_between", lambda F, a, b: F.stack((a, b), dim=1), [(2, 5)] * 2),
    Case("stack_last", lambda F, a, b: F.stack([a, b], -1), [(2, 5)] * 2),
    Case("stack_0d", lambda F, a, b: F.stack([a, b]), [()] * 2),
    Case("split", lambda F, a: F.cat([p * (i + 2) for i, p in enumerate(F.split(a, 3))]), [(7, 5)]),
    Case("split_sections", lambda F, a: F.cat(a.split([1, 0, 4], dim=-1)[::-1], -1), [(7, 5)]),
    Case("chunk", lambda F, a: F.cat(F.chunk(a, 3)[1:]), [(7, 5)]),
    Case("chunk_last", lambda F, a: a.chunk(4, dim=1)[0] * 3 + a[:, :2], [(7, 5)]),
    Case("unbind", lambda F, a: a.unbind(1)[2] + F.unbind(a, -1)[0], [(7, 5)]),
    Case("repeat", lambda F, a: a.repeat(2, 1, 3), [(3, 5)]),
    Case("repeat_0d", lambda F, a: a.repeat(3), [()]),
    Case("flip", lambda F, a: F.flip(a, (0, -1)), [(2, 3, 5)]),
    Case("flip_one", lambda F, a: a.flip([1]), [(2, 3, 5)]),
    Case("roll", lambda F, a: F.roll(a, 2), [(3, 5)]),
    Case("roll_axis", lambda F, a: a.roll(-1, 1), [(3, 5)]),
    Case("roll_axes", lambda F, a: F.roll(a, (4, -7), (0, 1)), [(3, 5)]),
    Case("roll_twice", lambda F, a: F.roll(a, (1, 1), (1, 1)), [(3, 5)]),
]
LINEAR = [case for case in CASES if len(case.shapes) == 1]


def test_cat_follows_the_dtype_rule_of_addition(torch):
    ours = ops.cat([minipose.tensor([1.5]), minipose.tensor([2])])
    assert ours.dtype == minipose.float32
    np.testing.assert_array_equal(ours.data, torch.cat([torch.tensor([1.5]), torch.tensor([2])]).numpy())


def test_cat_keeps_channels_last(rng):
    parts = [oracle.LAYOUTS["channels_last"](rng.standard_normal((2, c, 7, 5))) for c in (3, 2)]
    assert ops.cat([Tensor(p) for p in parts], dim=1).data.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("length", [0, 1, 6, 7])
@pytest.mark.parametrize("size", [1, 3, 7, 10])
def test_the_parts_are_those_of_torch(length, size, torch):
    x = np.arange(2 * length).reshape(length, 2)
    for name in ("split", "chunk"):
        ours, theirs = getattr(ops, name)(Tensor(x), size), getattr(torch, name)(torch.tensor(x), size)
        assert [p.data.tolist() for p in ours] == [p.tolist() for p in theirs]


def test_parts_are_views(rng):
    x = Tensor(rng.standard_normal((7, 5)))
    for part in (*x.split(3), *x.chunk(2, 1), *x.unbind(0)):
        assert np.shares_memory(part.data, x.data)


@pytest.mark.parametrize("call", [
    lambda e, x: e.flip(x, ()), lambda e, x: e.roll(x, 0), lambda e, x: x.repeat(0, 2, 1), lambda e, x: e.roll(x, 3, 0),
    lambda e, x: x.repeat(1, 1), lambda e, x: e.flip(x, [0]),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 3)])
def test_nothing_and_empty(call, shape, torch):
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(call(ops, Tensor(x)).data, call(torch, torch.tensor(x)).numpy())


X = minipose.ones(2, 3, 5)
ERRORS = [
    (lambda: ops.cat([]), ValueError, "cat: there is no tensor"),
    (lambda: ops.cat(X), TypeError, "cat: tensors must be a list"),
    (lambda: ops.cat([X, 1]), TypeError, "cat: tensor 1 must be a Tensor"),
    (lambda: ops.cat([X, X[:, :2]]), ValueError, r"cat: tensor 1 .*\(2, 2, 5\).*\(2, 3, 5\).*dim 0"),
    (lambda: ops.cat([X, X[0]]), ValueError, r"cat: tensor 1 .*\(3, 5\).*\(2, 3, 5\)"),
    (lambda: ops.cat([X, X], dim=3), ValueError, "cat: dim 3 .* 3 axes"),
    (lambda: ops.cat([minipose.tensor(1.0)]), ValueError, "cat: tensor 0 has no axis"),
    (lambda: ops.stack([]), ValueError, "stack: there is no tensor"),
    (lambda: ops.stack([X, X[0]]), ValueError, r"stack: tensor 1 has shape \(3, 5\)"),
    (lambda: ops.stack([X, X], 4), ValueError, "stack: dim 4"),
    (lambda: X.split(0), ValueError, "split: "),
    (lambda: X.split(-1), ValueError, "split: split_size_or_sections must be at least 0"),
    (lambda: X.split([1, 2]), ValueError, r"split: sections \[1, 2\] must .* add up to 2"),
    (lambda: X.split("a"), TypeError, "split: "),
    (lambda: X.chunk(0), ValueError, "chunk: chunks must be at least 1"),
    (lambda: X.chunk(2, 5), ValueError, "chunk: dim 5"),
    (lambda: minipose.tensor(1.0).split(1), ValueError, "split: "),
    (lambda: minipose.tensor(1.0).chunk(1), ValueError, "chunk: "),
    (lambda: minipose.tensor(1.0).unbind(), ValueError, "unbind: "),
    (lambda: X.repeat(2), ValueError, r"repeat: \(2,\)"),
    (lambda: X.repeat(1, 1, -1), ValueError, "repeat: "),
    (lambda: X.repeat(10**9, 10**9, 1), ValueError, "repeat: .*too large"),
    (lambda: X.repeat(1.5, 1, 1), TypeError, "repeat: "),
    (lambda: X.flip(3), ValueError, "flip: dim 3"),
    (lambda: X.flip((0, 0)), ValueError, "flip: .*twice"),
    (lambda: X.flip(None), ValueError, "flip: "),
    (lambda: X.roll("a"), TypeError, "roll: shifts"),
    (lambda: X.roll((1, 2), 0), ValueError, "roll: 2 shifts for 1 dims"),
    (lambda: X.roll((1, 2)), ValueError, "roll: 2 shifts need as many dims"),
    (lambda: X.roll(1, 3), ValueError, "roll: dim 3"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:50] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
