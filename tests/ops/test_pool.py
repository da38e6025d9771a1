import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case


def pool(name, *arguments, image=(2, 3, 7, 5), **options):
    return Case(name, lambda F, x: F.max_pool2d(x, *arguments, **options), [image])


def average(name, *arguments, image=(2, 3, 7, 5), **options):
    return Case(name, lambda F, x: F.avg_pool2d(x, *arguments, **options), [image])


def adaptive(name, kind, size, image=(2, 3, 7, 5), **options):
    return Case(name, lambda F, x: getattr(F, f"adaptive_{kind}_pool2d")(x, size, **options), [image])


AVERAGES = [
    average("average", 2),
    average("average_asymmetric", (3, 2), stride=(2, 1)),
    average("average_padded", 3, stride=(2, 1), padding=(1, 0)),
    average("average_without_padding", (3, 2), stride=(2, 1), padding=1, count_include_pad=False),
    average("average_ceil_mode", (2, 3), stride=(3, 2), ceil_mode=True),
    average("average_ceil_mode_padded", (3, 2), stride=(3, 2), padding=1, ceil_mode=True, image=(2, 3, 8, 6)),
    average("average_ceil_mode_without_padding", 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    average("average_by_another_number", (3, 2), padding=1, divisor_override=7),
    average("average_of_a_single_image", 2, image=(3, 7, 5)),
    average("average_stride_beyond_kernel", (1, 2), stride=(3, 2)),
    adaptive("adaptive_average", "avg", (3, 2)),
    adaptive("adaptive_average_larger", "avg", (9, 5)),
    adaptive("adaptive_average_none", "avg", (None, 2)),
    adaptive("adaptive_average_one", "avg", 1),
    adaptive("adaptive_average_of_a_single_image", "avg", 3, image=(3, 7, 5)),
]
CASES = [
    *AVERAGES,
    adaptive("adaptive_max", "max", (3, 2)),
    adaptive("adaptive_max_larger", "max", (9, 4)),
    adaptive("adaptive_max_none", "max", (None, 2)),
    adaptive("adaptive_max_of_a_single_image", "max", 3, image=(3, 7, 5)),
    Case("adaptive_max_with_indices", lambda F, x: F.adaptive_max_pool2d(x, 2, return_indices=True)[0], [(2, 3, 7, 5)]),
    Case("with_indices", lambda F, x: F.max_pool2d(x, 3, 2, 1, return_indices=True)[0], [(2, 3, 7, 5)]),
    pool("single_image", (3, 2), stride=(2, 1), image=(3, 7, 5)),
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
LINEAR = AVERAGES


@oracle.each_dtype
@pytest.mark.parametrize("image", [(2, 3, 8, 5), (3, 8, 5)])
def test_indices_are_those_of_torch(dtype, image, rng, torch):
    values = rng.standard_normal(image).astype(dtype).round(1)  # with equal ones among them
    for name, arguments in (("max_pool2d", (3, 2, 1, 1, True, True)), ("adaptive_max_pool2d", ((3, 2), True))):
        ours = getattr(ops, name)(Tensor(values), *arguments)
        theirs = getattr(torch.nn.functional, name)(torch.tensor(values), *arguments)
        np.testing.assert_array_equal(ours[0].data, theirs[0].numpy())
        np.testing.assert_array_equal(ours[1].data, theirs[1].numpy())
        assert ours[1].dtype == minipose.int64


def test_adaptive_max_of_nan(torch):
    values = np.arange(35.0).reshape(1, 1, 7, 5)
    values[0, 0, 3, 2] = np.nan
    ours = ops.adaptive_max_pool2d(Tensor(values), (3, 2)).data
    np.testing.assert_array_equal(ours, torch.nn.functional.adaptive_max_pool2d(torch.tensor(values), (3, 2)).numpy())


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
    (lambda: ops.max_pool2d(X[0, 0], 2), ValueError, r"max_pool2d: input must be N C H W or C H W.*\(7, 5\)"),
    (lambda: ops.max_pool2d(X.to("uint8"), 2), TypeError, "max_pool2d: input .*uint8"),
    (lambda: ops.max_pool2d(X, 0), ValueError, "max_pool2d: kernel_size .*0"),
    (lambda: ops.max_pool2d(X, (2, 2, 2)), ValueError, "max_pool2d: kernel_size "),
    (lambda: ops.max_pool2d(X, 2, stride=0), ValueError, "max_pool2d: stride .*0"),
    (lambda: ops.max_pool2d(X, 2, padding=-1), ValueError, "max_pool2d: padding .*-1"),
    (lambda: ops.max_pool2d(X, 2, padding=2), ValueError, "max_pool2d: padding=.*2.*kernel_size="),
    (lambda: ops.max_pool2d(X, 2, dilation=0), ValueError, "max_pool2d: dilation .*0"),
    (lambda: ops.max_pool2d(X, (3, 6)), ValueError, r"max_pool2d: kernel_size=\(3, 6\).*N=2 C=3 H=7 W=5"),
    (lambda: ops.max_pool2d(X, 2, return_indices=1), TypeError, "max_pool2d: return_indices must be True or False"),
    (lambda: ops.max_pool2d(X, 2, ceil_mode="a"), TypeError, "max_pool2d: ceil_mode must be True or False"),
    (lambda: ops.avg_pool2d(X, 2, divisor_override=0), ValueError, "avg_pool2d: divisor_override must not be 0"),
    (lambda: ops.avg_pool2d(X, 2, divisor_override=1.5), TypeError, "avg_pool2d: divisor_override must be an integer"),
    (lambda: ops.avg_pool2d(X, 2, padding=2), ValueError, "avg_pool2d: padding=.*2.*kernel_size="),
    (lambda: ops.avg_pool2d(X, 8), ValueError, r"avg_pool2d: kernel_size=\(8, 8\).*larger"),
    (lambda: ops.avg_pool2d(X, 2, count_include_pad=0), TypeError, "avg_pool2d: count_include_pad"),
    (lambda: ops.avg_pool2d(X.to("int64"), 2), TypeError, "avg_pool2d: input must hold floating-point"),
    (lambda: ops.adaptive_avg_pool2d(X, 0), ValueError, "adaptive_avg_pool2d: output_size must be"),
    (lambda: ops.adaptive_avg_pool2d(X, (1, 2, 3)), ValueError, "adaptive_avg_pool2d: output_size must be"),
    (lambda: ops.adaptive_max_pool2d(X, "a"), ValueError, "adaptive_max_pool2d: output_size must be"),
    (lambda: ops.adaptive_max_pool2d(X, 10**9), ValueError, "adaptive_max_pool2d: .*too large"),
    (lambda: ops.adaptive_max_pool2d(X[:, :, :0], 2), ValueError, "adaptive_max_pool2d: input has no pixels"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
