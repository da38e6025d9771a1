import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

IMAGE = (2, 3, 7, 5)  # N C H W


def unfold(name, *arguments, image=IMAGE, **options):
    return Case(f"unfold_{name}", lambda F, x: F.unfold(x, *arguments, **options), [image])


def fold(name, blocks, *arguments, **options):
    return Case(f"fold_{name}", lambda F, x: F.fold(x, *arguments, **options), [blocks])


CASES = [
    unfold("plain", (3, 2)),
    unfold("positional", (2, 3), (2, 1), (1, 2), (3, 2)),
    unfold("square", 2, stride=2),
    unfold("strided", (3, 2), stride=(2, 3), padding=(1, 2)),
    unfold("dilated", (3, 2), dilation=(2, 3), padding=(1, 0)),
    unfold("stride_beyond_kernel", (1, 2), stride=(3, 4)),
    unfold("padding_beyond_kernel", (1, 2), padding=(2, 3)),
    unfold("pixels", 1),
    unfold("whole_image", (7, 5)),
    unfold("one_channel", (3, 2), image=(2, 1, 7, 5)),
    unfold("unbatched", (3, 2), image=(3, 7, 5), stride=(2, 1)),
    fold("plain", (2, 18, 20), (7, 5), (3, 2)),
    fold("positional", (2, 18, 12), (7, 5), (2, 3), (2, 1), (1, 2), (3, 2)),
    fold("square", (2, 12, 6), (5, 7), 2, stride=2),
    fold("strided", (2, 18, 12), (7, 5), (3, 2), stride=(2, 3), padding=(1, 2)),
    fold("dilated", (2, 18, 10), (7, 5), (3, 2), dilation=(2, 3), padding=(1, 0)),
    fold("stride_beyond_kernel", (2, 6, 3), (7, 5), (1, 2), stride=(3, 4)),
    fold("padding_beyond_kernel", (2, 6, 110), (7, 5), (1, 2), padding=(2, 3)),
    fold("whole_image", (2, 105, 1), (7, 5), (7, 5)),
    fold("unbatched", (18, 12), (7, 5), (3, 2), stride=(2, 1)),
]
LINEAR = CASES


@oracle.each_dtype
def test_the_blocks_by_weight_are_a_convolution(dtype, rng):
    x, weight = (Tensor(rng.standard_normal(s).astype(dtype)) for s in (IMAGE, (5, 3, 3, 2)))
    options = {"dilation": (2, 1), "padding": (1, 0), "stride": (2, 3)}
    y = ops.conv2d(x, weight, **options)
    blocks = ops.unfold(x, (3, 2), **options)
    oracle.assert_close((weight.reshape(5, -1) @ blocks).reshape(y.shape).data, y.data, oracle.TOLERANCES[dtype])


@oracle.each_dtype
def test_a_pixel_comes_back_as_often_as_it_lies_in_blocks(dtype, rng):
    x = Tensor(rng.integers(-9, 9, IMAGE).astype(dtype))
    back = ops.fold(ops.unfold(x, (3, 2)), (7, 5), (3, 2))
    often = np.array([1, 2, 3, 3, 3, 2, 1])[:, None] * np.array([1, 2, 2, 2, 1])
    np.testing.assert_array_equal(back.data, x.data * often)


def test_blocks_that_do_not_overlap_come_back_as_they_were(rng):
    x = Tensor(rng.standard_normal((2, 3, 8, 6)).astype("float32"))
    back = ops.fold(ops.unfold(x, (4, 2), stride=(4, 2)), (8, 6), (4, 2), stride=(4, 2))
    np.testing.assert_array_equal(back.data, x.data)


def test_a_dead_pixel_stays_in_its_blocks(rng):
    x = rng.standard_normal(IMAGE)
    x[1, 2, 3, 4] = np.nan
    blocks = ops.unfold(Tensor(x), (3, 2)).data.reshape(2, 3, 3, 2, 5, 4)
    places = np.zeros(blocks.shape, bool)
    for a in range(3):
        places[1, 2, a, 1, 3 - a, 3] = True
    np.testing.assert_array_equal(np.isnan(blocks), places)


@oracle.each_dtype
def test_an_empty_batch(dtype):
    x = Tensor(np.zeros((0, 3, 7, 5), dtype), requires_grad=True)
    blocks = ops.unfold(x, (3, 2))
    back = ops.fold(blocks, (7, 5), (3, 2))
    assert blocks.shape == (0, 18, 20) and back.shape == x.shape and back.dtype == dtype
    back.sum().backward()
    assert x.grad.shape == x.shape


X, B = minipose.ones(2, 3, 7, 5), minipose.ones(2, 18, 20)
ERRORS = [
    (lambda: ops.unfold(X.data, 2), TypeError, "unfold: input must be a Tensor, not ndarray"),
    (lambda: ops.unfold(None, 2), TypeError, "unfold: input must be a Tensor, not NoneType"),
    (lambda: ops.unfold(X.to("int64"), 2), TypeError, "unfold: input must hold floating-point numbers, not int64"),
    (
        lambda: ops.unfold(X[0, 0], 2), ValueError,
        "unfold: input must be N C H W or C H W with no empty axis but N, not of shape (7, 5)",
    ),
    (lambda: ops.unfold(minipose.ones(1, 2, 3, 7, 5), 2), ValueError, "unfold: input must be N C H W"),
    (lambda: ops.unfold(minipose.ones(()), 2), ValueError, "unfold: input must be N C H W"),
    (lambda: ops.unfold(minipose.ones(2, 0, 7, 5), 2), ValueError, "unfold: input must be N C H W"),
    (lambda: ops.unfold(minipose.ones(2, 3, 0, 5), 2, padding=3), ValueError, "unfold: input must be N C H W"),
    (lambda: ops.unfold(X, 0), ValueError, "unfold: kernel_size must be an integer of at least 1"),
    (lambda: ops.unfold(X, (3, 2, 1)), ValueError, "unfold: kernel_size must be"),
    (lambda: ops.unfold(X, 2.0), ValueError, "unfold: kernel_size must be"),
    (lambda: ops.unfold(X, 2, dilation=True), ValueError, "unfold: dilation must be"),
    (lambda: ops.unfold(X, 2, padding=-1), ValueError, "unfold: padding must be an integer of at least 0"),
    (lambda: ops.unfold(X, 2, padding="same"), ValueError, "unfold: padding must be"),
    (lambda: ops.unfold(X, 2, stride=0), ValueError, "unfold: stride must be an integer of at least 1"),
    (lambda: ops.unfold(X, 2, stride=2**31), ValueError, "unfold: stride must be less than 2**31, not 2147483648"),
    (lambda: ops.unfold(X, 2, padding=10**6), ValueError, "unfold: the padded image would have shape (2, 3, 2000007,"),
    (lambda: ops.unfold(X, 10**5, padding=10**5), ValueError, "unfold: the result would have shape (2, 3, 100000, 1"),
    (
        lambda: ops.unfold(X, (8, 2)), ValueError,
        "unfold: kernel_size=(8, 2) with dilation=1 is larger than the padded image (C=3 H=7 W=5, padding=0)",
    ),
    (lambda: ops.fold(B.data, 7, 2), TypeError, "fold: input must be a Tensor, not ndarray"),
    (lambda: ops.fold(B.to("uint8"), (7, 5), (3, 2)), TypeError, "fold: input must hold floating-point numbers"),
    (lambda: ops.fold(X, (7, 5), (3, 2)), ValueError, "fold: input must be N CK L or CK L with no empty axis but N"),
    (lambda: ops.fold(minipose.ones(2, 18, 0), (2, 5), (3, 2)), ValueError, "fold: input must be N CK L"),
    (lambda: ops.fold(minipose.ones(2, 0, 20), (7, 5), (3, 2)), ValueError, "fold: input must be N CK L"),
    (lambda: ops.fold(B, 0, 2), ValueError, "fold: output_size must be an integer of at least 1"),
    (lambda: ops.fold(B, (7,), (3, 2)), ValueError, "fold: output_size must be"),
    (lambda: ops.fold(B, None, (3, 2)), ValueError, "fold: output_size must be"),
    (lambda: ops.fold(B, (7, 5), None), ValueError, "fold: kernel_size must be"),
    (lambda: ops.fold(B, (7, 5), (3, 2), stride=float("nan")), ValueError, "fold: stride must be"),
    (
        lambda: ops.fold(B, (7, 5), (3, 4)), ValueError,
        "fold: input (2, 18, 20) has 18 entries in a block, which is not a multiple of kernel_size 3 x 4 = 12",
    ),
    (
        lambda: ops.fold(B, (7, 6), (3, 2)), ValueError,
        "fold: input (2, 18, 20) has 20 blocks, but an image of output_size=(7, 6) has 5 x 5 (kernel_size=(3, 2)",
    ),
    (lambda: ops.fold(B, (2, 5), (3, 2)), ValueError, "fold: input (2, 18, 20) has 20 blocks, but an image of"),
    # two negative counts, whose product is that of the blocks
    (lambda: ops.fold(minipose.ones(2, 72, 2), 2, (4, 3), dilation=(1, 2)), ValueError, "fold: input (2, 72, 2) has 2"),
    (
        lambda: ops.fold(minipose.ones(1, 1, 1), 2**30, 1, stride=2**30), ValueError,
        "fold: the padded image would have shape (1, 1, 1073741824, 1073741824), which is too large",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:60] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call()
