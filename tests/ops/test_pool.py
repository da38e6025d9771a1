import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case


def pool(name, *arguments, image=(2, 3, 7, 5), **options):
    return Case(name, lambda F, x: F.max_pool2d(x, *arguments, **options), [image])


CASES = [
    pool("square", 2),
    pool("asymmetric", (3, 2)),
    pool("overlapping", (3, 2), stride=(2, 1)),
    pool("overlapping_and_padded", 3, stride=(2, 1), padding=(1, 0)),
    pool("stride_beyond_kernel", (1, 2), stride=(3, 2)),
    pool("dilated", (2, 3), stride=1, padding=(1, 0), dilation=(3, 2)),
    pool("ceil_mode", (2, 3), stride=(3, 2), ceil_mode=True),
    pool("ceil_mode_padded", (3, 2), stride=(3, 2), padding=1, ceil_mode=True, image=(2, 3, 8, 6)),
    pool("whole_image", (7, 5)),
    pool("one_channel", 2, image=(2, 1, 7, 5)),
    pool("many_channels", 2, stride=1, image=(1, 17, 3, 5)),
]


def test_padding_never_wins():
    x = Tensor(np.full((1, 1, 2, 2), -5.0), requires_grad=True)
    y = ops.max_pool2d(x, 3, stride=1, padding=1)
    np.testing.assert_array_equal(y.data, np.full((1, 1, 2, 2), -5))


@oracle.each_dtype
def test_the_first_of_equal_values_wins(dtype, torch):
    values = np.zeros((1, 1, 5, 7), dtype)
    upstream = np.arange(1.0, 1 + 4 * 6).reshape(1, 1, 4, 6).astype(dtype)
    ours, theirs = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ops.max_pool2d(ours, 2, stride=1).backward(Tensor(upstream))
    torch.nn.functional.max_pool2d(theirs, 2, stride=1).backward(torch.tensor(upstream))
    np.testing.assert_array_equal(ours.grad.data, theirs.grad.numpy())


@oracle.each_dtype
def test_nan_wins(dtype):
    values = np.arange(35, dtype=dtype).reshape(1, 1, 5, 7)
    values[0, 0, 1, 1] = np.nan
    y = ops.max_pool2d(Tensor(values), (2, 3), stride=1).data[0, 0]
    touched = np.zeros((4, 5), bool)
    touched[:2, :2] = True
    np.testing.assert_array_equal(np.isnan(y), touched)


@oracle.each_dtype
def test_minus_infinity_has_a_place_too(dtype):
    x = Tensor(np.full((1, 1, 4, 4), -np.inf, dtype), requires_grad=True)
    y = ops.max_pool2d(x, 2)
    y.backward(Tensor(np.array([[[[1, 2], [3, 5]]]], dtype)))
    np.testing.assert_array_equal(y.data, np.full((1, 1, 2, 2), -np.inf))
    np.testing.assert_array_equal(x.grad.data[0, 0, ::2, ::2], [[1, 2], [3, 5]])
    assert x.grad.sum().item() == 11


@oracle.each_dtype
def test_an_empty_batch(dtype):
    x = Tensor(np.zeros((0, 3, 7, 5), dtype), requires_grad=True)
    y = ops.max_pool2d(x, 2)
    assert y.shape == (0, 3, 3, 2)
    y.sum().backward()
    assert x.grad.shape == x.shape


@oracle.each_dtype
@pytest.mark.parametrize("side", [3, 0])
def test_a_window_without_pixels_is_refused(side, dtype):
    x = Tensor(np.ones((1, 1, side, 3), dtype))
    with pytest.raises(ValueError, match="max_pool2d: "):
        ops.max_pool2d(x, 2, stride=1, padding=1, dilation=4 if side else 1)


X = minipose.ones(2, 3, 7, 5)
ERRORS = [
    (lambda: ops.max_pool2d(X.data, 2), TypeError, "max_pool2d: input .*ndarray"),
    (lambda: ops.max_pool2d(X[0], 2), ValueError, r"max_pool2d: input .*\(3, 7, 5\)"),
    (lambda: ops.max_pool2d(X.to("uint8"), 2), TypeError, "max_pool2d: input .*uint8"),
    (lambda: ops.max_pool2d(X, 0), ValueError, "max_pool2d: kernel_size .*0"),
    (lambda: ops.max_pool2d(X, (2, 2, 2)), ValueError, "max_pool2d: kernel_size "),
    (lambda: ops.max_pool2d(X, 2, stride=0), ValueError, "max_pool2d: stride .*0"),
    (lambda: ops.max_pool2d(X, 2, padding=-1), ValueError, "max_pool2d: padding .*-1"),
    (lambda: ops.max_pool2d(X, 2, padding=2), ValueError, "max_pool2d: padding=.*2.*kernel_size="),
    (lambda: ops.max_pool2d(X, 2, dilation=0), ValueError, "max_pool2d: dilation .*0"),
    (lambda: ops.max_pool2d(X, (3, 6)), ValueError, r"max_pool2d: kernel_size=\(3, 6\).*N=2 C=3 H=7 W=5"),
    (lambda: ops.max_pool2d(X, 2, return_indices=True), NotImplementedError, "max_pool2d: return_indices"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
