import numpy as np
import pytest

import minipose
from minipose import Tensor
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
ROWS, TWICE = [2, 0, 1], [0, 0, 3, 3, 3]
DEEP = np.arange(12).reshape(2, 3, 2) % 5
MASK = np.random.default_rng(0).random((3, 5)) < 0.5


def taking(name, index, shape=(7, 5)):
    """A case of x[index]; what makes the index may differ between the engines."""
    return Case(name, lambda F, x: x[index(F)], [shape])


CASES = [
    Case("index", lambda F, x: x[1], [SHAPE]),
    Case("index_negative", lambda F, x: x[-1, :, -2], [SHAPE]),
    Case("index_slices", lambda F, x: x[:, 1:, 1:6:2, ::3], [SHAPE]),
    Case("index_ellipsis", lambda F, x: x[..., 2], [SHAPE]),
    Case("index_none", lambda F, x: x[:, None, 1], [SHAPE]),
    Case("index_one_entry", lambda F, x: x[1, 2, 3, 4], [SHAPE]),
    Case("index_all", lambda F, x: x[...] + x[:], [SHAPE]),
    Case("index_twice", lambda F, x: x[:, 1] * x[:, 2], [SHAPE]),
    Case("index_numpy_integer", lambda F, x: x[np.int64(1)], [SHAPE]),
    taking("list", lambda F: ROWS),
    taking("tensor", lambda F: F.tensor(ROWS)),
    taking("array", lambda F: np.array(ROWS)),
    taking("repeated", lambda F: F.tensor(TWICE)),
    taking("negative_array", lambda F: F.tensor([-1, 3, -1])),
    taking("array_of_arrays", lambda F: F.tensor([[0, 2, 2], [1, 1, 6]])),
    taking("of_a_column", lambda F: (slice(None), F.tensor(TWICE))),
    taking("two_arrays", lambda F: (F.tensor([0, 6, 0]), F.tensor([4, 1, 4]))),
    taking("arrays_that_broadcast", lambda F: (F.tensor([[0], [6], [0]]), F.tensor([4, 1]))),
    taking("arrays_apart", lambda F: (F.tensor([0, 1]), slice(None), F.tensor([2, 2])), SHAPE),
    taking("array_and_integer", lambda F: (1, F.tensor([2, 2]), slice(1, 5, 2)), SHAPE),
    taking("array_and_none", lambda F: (F.tensor([1, 1]), None, Ellipsis, F.tensor([0, 3])), SHAPE),
    taking("mask", lambda F: F.tensor(MASK), (3, 5)),
    taking("mask_of_two_axes", lambda F: (slice(None), F.tensor(MASK)), (2, 3, 5)),
    taking("mask_of_an_axis", lambda F: (F.tensor(MASK[:, 1]), slice(1, None)), (3, 5)),
    taking("mask_and_array", lambda F: (F.tensor(np.array([True, False, True])), F.tensor([1, 1])), (3, 5)),
    taking("list_of_bools", lambda F: [True, False, True], (3, 5)),
    Case("gather", lambda F, x: F.gather(x, 1, F.tensor([[0, 0, 4], [2, 2, 2]]).to(x.device)), [(3, 5)]),
    Case("gather_rows", lambda F, x: x.gather(0, F.tensor([[0, 1, 2, 0, 0], [2, 2, 2, 1, 0]]).to(x.device)), [(3, 5)]),
    Case("gather_deep", lambda F, x: x.gather(-2, F.tensor(DEEP).to(x.device)), [(2, 5, 3)]),
    Case("index_select", lambda F, x: F.index_select(x, 1, F.tensor(TWICE).to(x.device)), [SHAPE[2:] * 2]),
    Case("index_select_last", lambda F, x: x.index_select(-1, F.tensor(ROWS).to(x.device)), [(2, 3, 5)]),
    Case("masked_fill", lambda F, x: x.masked_fill(F.tensor(MASK).to(x.device), 0.7) * x, [(3, 5)]),
    Case("masked_fill_broadcast", lambda F, x: F.masked_fill(x, F.tensor(MASK).to(x.device), -2) * x, [(2, 3, 1)]),
    Case("masked_fill_tensor", lambda F, x, v: F.masked_fill(x, F.tensor(MASK).to(x.device), v), [(3, 5), ()]),
    Case("tril", lambda F, x: F.tril(x), [(2, 7, 5)]),
    Case("tril_above", lambda F, x: x.tril(2), [(3, 5)]),
    Case("triu", lambda F, x: F.triu(x), [(2, 5, 7)]),
    Case("triu_below", lambda F, x: x.triu(diagonal=-1), [(5, 3)]),
]
NOT_LINEAR = ("index_twice", "masked_fill", "masked_fill_broadcast", "masked_fill_tensor")
LINEAR = [case for case in CASES if case.name not in NOT_LINEAR]


def test_slices_share_memory_and_arrays_do_not(rng):
    x = Tensor(rng.standard_normal((3, 5)))
    assert np.shares_memory(x[1:, ::2].data, x.data) and np.shares_memory(x[..., None].data, x.data)
    assert not np.shares_memory(x[[0, 1]].data, x.data)


def test_the_index_may_change_afterwards():
    x = minipose.tensor([1.0, 2.0, 3.0], requires_grad=True)
    places = np.array([0, 0, 1])
    y = x[places]
    places[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [2, 1, 0]


def test_empty_indices():
    x = minipose.ones(3, 5)
    assert x[[]].shape == (0, 5) and x[3:].shape == (0, 5)
    assert x[minipose.zeros(3, 5) > 0].shape == (0,)
    assert x[:0][:, [1, 1]].shape == (0, 2)
    assert minipose.ones(0, 3).gather(0, minipose.zeros(0, 2, dtype="int64")).shape == (0, 2)


def test_0d():
    x = minipose.tensor(3.0)
    assert x[...].item() == x[()].item() == 3 and x[None].shape == (1,)
    zero = minipose.tensor(0)
    assert x.gather(0, zero).shape == () and x.index_select(0, zero).shape == ()
    assert x.index_select(0, minipose.tensor([0])).shape == ()


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_what_holds_no_floats(dtype, torch):
    values = np.array([[0, 1, 2], [3, 0, 1]]).astype(dtype)
    ours, theirs = Tensor(values), torch.tensor(values)
    np.testing.assert_array_equal(ours[:, [0, 0]].data, theirs[:, [0, 0]].numpy())
    np.testing.assert_array_equal(ours.tril().data, theirs.tril().numpy())
    np.testing.assert_array_equal(ours.gather(1, minipose.tensor([[2], [0]])).data,
                                  theirs.gather(1, torch.tensor([[2], [0]])).numpy())
    filled = ours.masked_fill(ours > 0, 0)
    assert filled.dtype == dtype and not filled.data.any()


X, PLACES = minipose.ones(2, 3, 5), minipose.tensor([0, 1])
ERRORS = [
    (lambda: X[2], IndexError, r"getitem: index 2 is out of range for axis 0 of a tensor of shape \(2, 3, 5\)"),
    (lambda: X[2], ValueError, "getitem: index 2"),
    (lambda: X[:, -4], IndexError, "getitem: index -4 is out of range for axis 1"),
    (lambda: X[..., [0, 5]], IndexError, "getitem: index 5 is out of range for axis 2"),
    (lambda: X[minipose.tensor([-3])], IndexError, "getitem: index -3"),
    (lambda: X[0, 0, 0, 0], IndexError, "getitem: an index for 4 axes is too long"),
    (lambda: X[..., ...], IndexError, "getitem: an index can have one"),
    (lambda: X[minipose.ones(2, 5) > 0], IndexError, r"getitem: a mask of shape \(2, 5\) does not fit axes 0..1"),
    (lambda: X[[0, 1], [0, 1, 2]], IndexError, "getitem: "),
    (lambda: X["a"], TypeError, "getitem: .*str"),
    (lambda: X[1.0], TypeError, "getitem: .*float"),
    (lambda: X[True], TypeError, "getitem: .*bool"),
    (lambda: X[minipose.ones(2)], TypeError, "getitem: .*float32"),
    (lambda: X[PLACES.to("uint8")], TypeError, "getitem: .*uint8"),
    (lambda: X[["a"]], TypeError, "getitem: "),
    (lambda: X[[[0], [0, 1]]], TypeError, "getitem: a list"),
    (lambda: X[::-1], ValueError, "getitem: the step of a slice must be positive, not -1; use flip"),
    (lambda: X[1.5:], TypeError, "getitem: the ends and the step"),
    (lambda: X.gather(1, PLACES), ValueError, r"gather: index \(2,\) must fit in input \(2, 3, 5\)"),
    (lambda: X.gather(1, minipose.zeros(3, 1, 1, dtype="int64")), ValueError, "gather: index"),
    (lambda: X.gather(0, minipose.zeros(1, 1, 1, dtype="int64") - 1), IndexError, "gather: index -1 is out of range"),
    (lambda: X.gather(0, minipose.zeros(1, 1, 1, dtype="int64") + 2), IndexError, "gather: index 2 is out of range"),
    (lambda: X.gather(0, minipose.zeros(1, 1, 1)), TypeError, "gather: index must hold int64, not float32"),
    (lambda: X.gather(3, PLACES), ValueError, "gather: dim 3"),
    (lambda: X.gather("a", PLACES), TypeError, "gather: dim must be"),
    (lambda: X.index_select(0, minipose.tensor([2])), IndexError, "index_select: index 2"),
    (lambda: X.index_select(0, minipose.zeros(1, 1, dtype="int64")), ValueError, "index_select: index must be"),
    (lambda: X.index_select(0, [0]), TypeError, "index_select: index must be a Tensor"),
    (lambda: X.masked_fill(X, 1), TypeError, "masked_fill: mask must hold booleans, not float32"),
    (lambda: X.masked_fill(X > 0, "a"), TypeError, "masked_fill: value must be a number"),
    (lambda: X.masked_fill(X > 0, minipose.ones(5)), ValueError, "masked_fill: value must be a number or a Tensor"),
    (lambda: X.masked_fill(minipose.ones(4) > 0, 1), ValueError, r"masked_fill: .*\(4,\)"),
    (lambda: PLACES.masked_fill(PLACES > 0, 1.5), TypeError, "masked_fill: value 1.5 does not fit an input of int64"),
    (lambda: PLACES.tril(), ValueError, r"tril: input must have two axes or more, not shape \(2,\)"),
    (lambda: X.triu(1.5), TypeError, "triu: diagonal must be an integer"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:50] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
