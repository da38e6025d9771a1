import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)


def padding(name, sides, shape=SHAPE, **options):
    return Case(name, lambda F, x: F.pad(x, sides, **options), [shape])


CASES = [
    padding("constant", (1, 2)),
    padding("constant_image", (1, 2, 3, 0)),
    padding("constant_all", (1, 0, 0, 2, 3, 1, 0, 1)),
    padding("constant_cut", (-1, 2, 3, -4)),
    padding("constant_value", (1, 2, -1, 0), value=-1.7),
    padding("constant_vector", (2, 3), (5,)),
    padding("reflect_line", (2, 4), (3, 5), mode="reflect"),
    padding("reflect", (1, 4, 6, 0), mode="reflect"),
    padding("reflect_single", (1, 2, 3, 0), SHAPE[1:], mode="reflect"),
    padding("reflect_volume", (1, 2, 0, 3, 1, 1), (2, 3, 3, 7, 5), mode="reflect"),
    padding("replicate", (7, 1, 0, 9), mode="replicate"),
    padding("replicate_line", (3, 0), (2, 3, 5), mode="replicate"),
    padding("replicate_cut", (-1, 2, 3, -2), mode="replicate"),
    padding("circular", (5, 1, 0, 7), mode="circular"),
    padding("circular_line", (3, 2), (2, 3, 5), mode="circular"),
    padding("circular_last_axis_alone", (3, 2), (3, 5), mode="circular"),
]
LINEAR = [case for case in CASES if case.name != "constant_value"]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("options", [{}, {"value": 1}, {"mode": "circular"}, {"mode": "replicate"}])
def test_what_holds_no_floats(dtype, options):
    values = np.array([[0, 1, 2], [3, 0, 1]]).astype(dtype)
    mode = {"circular": "wrap", "replicate": "edge"}.get(options.get("mode"))
    more = {"constant_values": options.get("value", 0)} if mode is None else {}
    expected = np.pad(values, ((0, 0), (1, 2)), mode or "constant", **more)
    actual = ops.pad(Tensor(values), (1, 2), **options)
    assert actual.dtype == dtype
    np.testing.assert_array_equal(actual.data, expected)


def test_an_infinite_border_and_nothing():
    x = minipose.ones(1, 2, requires_grad=True)
    y = ops.pad(x, (1, 0), value=-np.inf)
    assert y.tolist() == [[-np.inf, 1, 1]]
    y[:, 1:].sum().backward()
    assert x.grad.tolist() == [[1, 1]]
    assert ops.pad(x, (0, 0)).tolist() == [[1, 1]] and ops.pad(x, ()).tolist() == [[1, 1]]
    assert ops.pad(minipose.zeros(0, 3), (1, 1)).shape == (0, 5)
    assert ops.pad(x, (0, -2)).shape == (1, 0)


X = minipose.ones(2, 3, 7, 5)
ERRORS = [
    (lambda: ops.pad(X, 1), TypeError, "pad: pad must be a tuple of integers"),
    (lambda: ops.pad(X, (1.0, 2)), TypeError, "pad: pad must be a tuple of integers"),
    (lambda: ops.pad(X, (1, 2, 3)), ValueError, "pad: 3 numbers"),
    (lambda: ops.pad(X, (1,) * 10), ValueError, "pad: 10 numbers"),
    (lambda: ops.pad(X, (-3, -3)), ValueError, r"pad: \(-3, -3\) cuts more off \(2, 3, 7, 5\)"),
    (lambda: ops.pad(X, (1, 1), "edge"), ValueError, "pad: mode must be one of"),
    (lambda: ops.pad(X, (1, 1), value="a"), TypeError, "pad: value must be a number"),
    (lambda: ops.pad(X.to("int64"), (1, 1), value=0.5), TypeError, "pad: value 0.5 does not fit an input of int64"),
    (lambda: ops.pad(X, (1, 1, 1, 1), "reflect", 3), ValueError, "pad: value=3 is for mode='constant'"),
    (lambda: ops.pad(X, (5, 0, 0, 0), "reflect"), ValueError, "pad: mode='reflect' can add less than the 5"),
    (lambda: ops.pad(X, (6, 0, 0, 0), "circular"), ValueError, "pad: mode='circular' can add at most the 5"),
    (lambda: ops.pad(X, (1, 1), "reflect"), ValueError, "pad: with mode='reflect', 2 numbers pad 1 axes"),
    (lambda: ops.pad(X, (1, 1) * 4, "replicate"), ValueError, "pad: with mode='replicate'"),
    (lambda: ops.pad(X, (10**12, 0)), ValueError, "pad: .*too large"),
    (lambda: ops.pad([1.0], (1, 0)), TypeError, "pad: input must be a Tensor"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:50] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
