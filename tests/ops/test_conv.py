import warnings
from contextlib import contextmanager

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

IMAGE = (2, 3, 7, 5)  # N C H W
LINE = (2, 3, 11)  # N C L


@contextmanager
def torch_may_copy():
    """Let torch say, once a process, that it copies its input where padding='same' is not the same on both sides."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")
        yield


def conv(name, weight, image=IMAGE, bias=True, **options):
    def run(F, *x):
        with torch_may_copy():
            return F.conv2d(*x, **options)

    return Case(name, run, [image, weight, weight[:1]] if bias else [image, weight])


def conv_transpose(name, weight, image=IMAGE, **options):
    bias = (weight[1] * options.get("groups", 1),)
    return Case(f"transpose_{name}", lambda F, *x: F.conv_transpose2d(*x, **options), [image, weight, bias])


def conv1d(name, weight, line=LINE, bias=True, **options):
    def run(F, *x):
        with torch_may_copy():
            return F.conv1d(*x, **options)

    return Case(f"line_{name}", run, [line, weight, weight[:1]] if bias else [line, weight])


CASES = [
    conv("plain", (2, 3, 3, 2)),
    conv("without_bias", (2, 3, 3, 2), bias=False),
    conv("pointwise", (5, 3, 1, 1)),
    conv("pointwise_strided", (5, 3, 1, 1), stride=2),
    conv("tall_kernel", (2, 3, 5, 1), padding=(2, 0)),
    conv("wide_kernel", (2, 3, 1, 4), padding=(0, 3)),
    conv("strided", (2, 3, 3, 2), stride=(2, 3), padding=(1, 2)),
    conv("stride_beyond_kernel", (2, 3, 1, 2), stride=(3, 4)),
    conv("dilated", (2, 3, 3, 2), dilation=(2, 3), padding=(1, 2)),
    conv("strided_and_dilated", (2, 3, 2, 3), stride=(3, 2), dilation=(2, 1), padding=(2, 1)),
    conv("even_stride_and_dilation", (2, 3, 3, 2), stride=(2, 4), dilation=(4, 2), padding=(3, 2), image=(2, 3, 11, 7)),
    conv("as_large_as_the_image", (2, 3, 7, 5)),
    conv("one_channel", (1, 1, 3, 2), image=(2, 1, 7, 5)),
    conv("groups", (6, 2, 3, 2), image=(2, 4, 7, 5), groups=2, stride=(2, 1), padding=(0, 1)),
    conv("depthwise", (6, 1, 3, 2), image=(2, 3, 7, 5), groups=3, padding=1),
    conv("unbatched", (2, 3, 3, 2), image=(3, 7, 5), padding=(1, 0)),
    conv("unbatched_without_bias", (2, 3, 3, 2), image=(3, 7, 5), bias=False),
    conv("valid", (2, 3, 3, 2), padding="valid", stride=(2, 3)),
    conv("same", (2, 3, 3, 5), padding="same"),
    conv("same_even", (2, 3, 4, 2), padding="same"),
    conv("same_even_below", (2, 3, 4, 3), padding="same"),
    conv("same_even_dilated", (2, 3, 3, 4), padding="same", dilation=(2, 3)),
    conv("same_beyond_the_image", (2, 3, 4, 5), image=(2, 3, 2, 3), padding="same", dilation=(3, 2)),
    conv("same_groups", (6, 2, 2, 3), image=(2, 4, 7, 5), padding="same", groups=2),
    conv("same_unbatched", (2, 3, 2, 4), image=(3, 7, 5), padding="same"),
    conv_transpose("plain", (3, 2, 3, 2)),
    conv_transpose("unbatched", (3, 2, 3, 2), image=(3, 7, 5), stride=(2, 3), output_padding=(1, 2)),
    conv_transpose("strided", (3, 2, 3, 2), stride=(2, 3), padding=(1, 0)),
    conv_transpose("output_padding", (3, 2, 3, 2), stride=(2, 3), padding=(1, 1), output_padding=(1, 2)),
    conv_transpose("output_padding_below_dilation", (3, 2, 2, 3), dilation=(3, 2), output_padding=(2, 1)),
    conv_transpose("stride_beyond_kernel", (3, 2, 1, 2), stride=(3, 5), output_padding=(2, 3)),
    conv_transpose("dilated", (3, 2, 3, 2), stride=(3, 2), dilation=(2, 3), padding=(2, 1)),
    conv_transpose("groups", (4, 3, 3, 2), image=(2, 4, 7, 5), groups=2, stride=(2, 1), padding=(0, 1)),
    conv_transpose("pointwise", (3, 2, 1, 1)),
    conv1d("plain", (2, 3, 4)),
    conv1d("without_bias", (2, 3, 4), bias=False),
    conv1d("pointwise", (5, 3, 1), stride=3),
    conv1d("strided", (2, 3, 3), stride=2, padding=4),
    conv1d("dilated", (2, 3, 3), stride=(2,), dilation=(3,), padding=(2,)),
    conv1d("groups", (6, 2, 3), line=(2, 4, 11), groups=2),
    conv1d("unbatched", (2, 3, 3), line=(3, 11), padding=1),
    conv1d("valid", (2, 3, 3), stride=2, padding="valid"),
    conv1d("same", (2, 3, 3), padding="same"),
    conv1d("same_even", (2, 3, 4), padding="same", dilation=3),
    conv1d("same_unbatched", (2, 3, 2), line=(3, 11), padding="same"),
]
LINEAR = CASES


@oracle.each_dtype
@pytest.mark.parametrize("groups", [1, 3])
def test_transposed_convolution_is_the_adjoint_of_convolution(groups, dtype, rng):
    """<conv(x), u> = <x, conv_transpose(u)>, the output_padding saying which of the possible sizes x had."""
    options = {"stride": (3, 2), "padding": (1, 2), "dilation": (1, 2), "groups": groups}
    weight = Tensor(rng.standard_normal((6, 9 // groups, 2, 3)).astype(dtype))
    for H in (7, 8, 9):
        x = Tensor(rng.standard_normal((2, 9, H, 11)).astype(dtype))
        y = ops.conv2d(x, weight, **options)
        u = Tensor(rng.standard_normal(y.shape).astype(dtype))
        smallest = ops.conv_transpose2d(u, weight, **options).shape
        more = (H - smallest[2], 11 - smallest[3])
        back = ops.conv_transpose2d(u, weight, output_padding=more, **options)
        assert back.shape == x.shape
        left, right = (y * u).sum().item(), (x * back).sum().item()
        size = np.linalg.norm(y.data) * np.linalg.norm(u.data)
        assert abs(left - right) < (1e-12 if dtype == "float64" else 1e-5) * size


def test_third_order_is_the_trilinear_form(rng):
    """d3 of sum(u * conv(x, w)) by x, w and u, against its value: T is linear in each of the three."""
    x, w = (Tensor(rng.standard_normal(s), requires_grad=True) for s in (IMAGE, (2, 3, 3, 2)))
    options = {"stride": (2, 1), "padding": (1, 0)}
    u = Tensor(rng.standard_normal(ops.conv2d(x, w, **options).shape), requires_grad=True)
    total = (ops.conv2d(x, w, **options) * u).sum()
    form = total
    for variable in (x, w, u):
        (g,) = minipose.grad(form, variable, create_graph=True)
        form = (g * variable).sum()
    np.testing.assert_allclose(form.item(), total.item(), rtol=1e-10)


@oracle.each_dtype
def test_an_empty_batch(dtype, torch):
    w = np.ones((2, 3, 3, 2), dtype)
    for name, shape, weight, options in [
        ("conv2d", (0, 3, 7, 5), w, {}),
        ("conv2d", (0, 3, 7, 5), w, {"padding": "same"}),
        ("conv2d", (0, 3, 0, 5), w, {"padding": 3}),
        ("conv_transpose2d", (0, 3, 7, 5), w.transpose(1, 0, 2, 3), {"stride": 2}),
        ("conv_transpose2d", (0, 3, 0, 5), w.transpose(1, 0, 2, 3), {}),
        ("conv1d", (0, 3, 7), w[..., 0], {}),
    ]:
        ours = [Tensor(a, requires_grad=True) for a in (np.zeros(shape, dtype), weight)]
        theirs = [torch.tensor(a, requires_grad=True) for a in (np.zeros(shape, dtype), weight)]
        y = getattr(ops, name)(*ours, **options)
        with torch_may_copy():
            assert y.shape == getattr(torch.nn.functional, name)(*theirs, **options).shape and y.dtype == dtype
        y.sum().backward()
        assert ours[0].grad.shape == shape
        np.testing.assert_array_equal(ours[1].grad.data, np.zeros(weight.shape))


@oracle.each_dtype
def test_padding_same_multiplies_no_number_that_it_makes_up(dtype, torch):
    """An infinite pixel spoils the weights that meet it; a window too many would meet it with a zero: a NaN."""
    x, w, u = np.ones((1, 1, 5, 3), dtype), np.ones((1, 1, 2, 2), dtype), np.ones((1, 1, 5, 3), dtype)
    x[0, 0, 0] = np.inf
    ours, theirs = Tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
    ops.conv2d(Tensor(x), ours, padding="same").backward(Tensor(u))
    with torch_may_copy():
        torch.nn.functional.conv2d(torch.tensor(x), theirs, padding="same").backward(torch.tensor(u))
    np.testing.assert_array_equal(ours.grad.data, theirs.grad.numpy())
    assert np.isfinite(ours.grad.data).any()


def ones(*shape, dtype="float32"):
    return minipose.ones(*shape, dtype=dtype)


X, W, WT = ones(2, 3, 7, 5), ones(6, 3, 3, 2), ones(3, 6, 3, 2)
L, W1 = ones(2, 3, 11), ones(6, 3, 4)
ERRORS = [
    (lambda: ops.conv2d(np.ones(IMAGE), W), TypeError, "conv2d: input .*ndarray"),
    (lambda: ops.conv2d(X[0, 0], W), ValueError, r"conv2d: input must be N C H W or C H W, not of shape \(7, 5\)"),
    (lambda: ops.conv2d(ones(1, 2, 3, 7, 5), W), ValueError, r"conv2d: input .*\(1, 2, 3, 7, 5\)"),
    (lambda: ops.conv2d(ones(2, 3, 0, 5), W, padding=3), ValueError, "conv2d: input has no pixels .N=2 C=3 H=0 W=5"),
    (lambda: ops.conv2d(None, W), TypeError, "conv2d: input .*NoneType"),
    (lambda: ops.conv2d(X, "W"), TypeError, "conv2d: weight .*str"),
    (lambda: ops.conv2d(X, W, 1.0), TypeError, "conv2d: bias .*float"),
    (lambda: ops.conv2d(X.to("int64"), W), TypeError, "conv2d: input .*int64"),
    (lambda: ops.conv2d(X, W.data), TypeError, "conv2d: weight .*ndarray"),
    (lambda: ops.conv2d(X, W[0]), ValueError, r"conv2d: weight .*\(3, 3, 2\)"),
    (lambda: ops.conv2d(X, ones(6, 3, 0, 2)), ValueError, r"conv2d: weight .*\(6, 3, 0, 2\)"),
    (lambda: ops.conv2d(X, W.to("float64")), TypeError, "conv2d: .*float32.*float64"),
    (lambda: ops.conv2d(X, W, groups=0), ValueError, "conv2d: groups .*0"),
    (lambda: ops.conv2d(X, W, groups=1.0), ValueError, "conv2d: groups .*1.0"),
    (
        lambda: ops.conv2d(X, ones(6, 4, 3, 2)), ValueError,
        r"conv2d: input has 3 channels \(N=2 C=3 H=7 W=5\) but weight expects 4 \(F=6 C=4 KH=3 KW=2, groups=1\)",
    ),
    (lambda: ops.conv2d(X, W, groups=3), ValueError, r"conv2d: input has 3 channels .*expects 9 .*groups=3"),
    (lambda: ops.conv2d(X, ones(4, 1, 3, 2), groups=3), ValueError, "conv2d: groups=3 .*3 input.*4 output"),
    (lambda: ops.conv2d(X, W, ones(3)), ValueError, r"conv2d: bias .*\(6,\).*\(3,\)"),
    (lambda: ops.conv2d(X, W, np.ones(6)), (TypeError, ValueError), "conv2d: bias "),
    (lambda: ops.conv2d(X, W, ones(6, dtype="float64")), TypeError, "conv2d: .*bias.*float64"),
    (lambda: ops.conv2d(X, W, stride=0), ValueError, "conv2d: stride .*0"),
    (lambda: ops.conv2d(X, W, stride=(1, 2, 3)), ValueError, r"conv2d: stride .*\(1, 2, 3\)"),
    (lambda: ops.conv2d(X, W, stride=1.5), ValueError, "conv2d: stride .*1.5"),
    (lambda: ops.conv2d(X, W, padding=-1), ValueError, "conv2d: padding .*-1"),
    (lambda: ops.conv2d(X, W, dilation=0), ValueError, "conv2d: dilation .*0"),
    (lambda: ops.conv2d(X, W, dilation=True), ValueError, "conv2d: dilation .*True"),
    (lambda: ops.conv2d(X, W, stride=2**70), ValueError, "conv2d: stride must be less than "),
    (lambda: ops.conv2d(X, W, padding=10**6), ValueError, r"conv2d: the padded input .*\(2, 3, 2000007, 2000005\)"),
    (
        lambda: ops.conv2d(ones(1, 1, 1, 1).expand(1, 1, 2**18, 2**19), ones(4, 1, 1, 1)), ValueError,
        r"conv2d: the result would have shape \(1, 4, 262144, 524288\), which is too large",
    ),
    (lambda: ops.conv2d(X, W, padding=None), ValueError, "conv2d: padding .*None"),
    (lambda: ops.conv2d(X, W, padding="SAME"), ValueError, "conv2d: padding must be one of 'same', 'valid', not "),
    (
        lambda: ops.conv2d(X, W, padding="same", stride=(1, 2)), ValueError,
        r"conv2d: padding='same' needs a stride of 1, not \(1, 2\)",
    ),
    (
        lambda: ops.conv2d(X, W, dilation=(1, 5)), ValueError,
        r"conv2d: the kernel \(F=6 C=3 KH=3 KW=2, dilation=\(1, 5\)\) .*padded input \(N=2 C=3 H=7 W=5, padding=0\)",
    ),
    (lambda: ops.conv2d(X[0], W, dilation=(1, 5)), ValueError, r"conv2d: the kernel .*padded input \(C=3 H=7 W=5, p"),
    (lambda: ops.conv2d(X[0], ones(6, 4, 3, 2)), ValueError, r"conv2d: input has 3 channels \(C=3 H=7 W=5\)"),
    (lambda: ops.conv2d(X[0], W, ones(3)), ValueError, r"conv2d: bias .*\(6,\).*\(3, 7, 5\).*\(3,\)"),
    (lambda: ops.conv1d(X, W1), ValueError, r"conv1d: input must be N C L or C L, not of shape \(2, 3, 7, 5\)"),
    (lambda: ops.conv1d(L, W), ValueError, r"conv1d: weight must be F C K with .*\(6, 3, 3, 2\)"),
    (lambda: ops.conv1d(L, ones(6, 4, 3)), ValueError, r"conv1d: input has 3 channels \(N=2 C=3 L=11\).*F=6 C=4 K=3"),
    (lambda: ops.conv1d(L, ones(6, 3, 12)), ValueError, r"conv1d: the kernel \(F=6 C=3 K=12, .*\(N=2 C=3 L=11, "),
    (lambda: ops.conv1d(L[0], ones(6, 3, 12)), ValueError, r"conv1d: the kernel \(F=6 C=3 K=12, .*\(C=3 L=11, "),
    (lambda: ops.conv1d(L, W1, ones(3)), ValueError, "conv1d: bias "),
    (lambda: ops.conv1d(L, W1, stride=(1, 2)), ValueError, r"conv1d: stride must be an integer of .*\(1, 2\)"),
    (lambda: ops.conv1d(L, W1, stride=0), ValueError, "conv1d: stride must be an integer of at least 1, not 0"),
    (lambda: ops.conv1d(L, W1, padding=(-1,)), ValueError, "conv1d: padding must be an integer of at least 0, not -1"),
    (lambda: ops.conv1d(L, W1, padding=2**31), ValueError, "conv1d: padding must be less than "),
    (lambda: ops.conv1d(L, W1, dilation=1.0), ValueError, "conv1d: dilation must be an integer .*1.0"),
    (lambda: ops.conv1d(L, W1, padding="same", stride=2), ValueError, "conv1d: padding='same' needs a stride of 1"),
    (lambda: ops.conv1d(L.to("int64"), W1), TypeError, "conv1d: input .*int64"),
    (lambda: ops.conv_transpose2d(X[0, 0], WT), ValueError, r"conv_transpose2d: input .*\(7, 5\)"),
    (lambda: ops.conv_transpose2d(ones(2, 3, 0, 5), WT), ValueError, r"conv_transpose2d: input has no pixels .N=2 "),
    (lambda: ops.conv_transpose2d(X, WT, stride=2**20), ValueError, "conv_transpose2d: the result would have shape "),
    (lambda: ops.conv_transpose2d(X[0], WT, padding=5), ValueError, r"conv_transpose2d: .*-1 x -4 .*input C=3 H=7"),
    (
        lambda: ops.conv_transpose2d(X, ones(4, 6, 3, 2)), ValueError,
        r"conv_transpose2d: input has 3 channels \(N=2 C=3 H=7 W=5\) but weight expects 4 \(C=4 F=6 KH=3 KW=2",
    ),
    (lambda: ops.conv_transpose2d(X, WT, ones(3)), ValueError, r"conv_transpose2d: bias .*\(6,\).*\(3,\)"),
    (lambda: ops.conv_transpose2d(X, WT, groups=2), ValueError, "conv_transpose2d: groups=2"),
    (lambda: ops.conv_transpose2d(X, WT, stride=2, output_padding=2), ValueError, "conv_transpose2d: output_padding=2"),
    (lambda: ops.conv_transpose2d(X, WT, padding=5), ValueError, "conv_transpose2d: .*-1 x .*N=2 C=3 H=7 W=5"),
    (lambda: ops.conv_transpose2d(X, WT, stride=0), ValueError, "conv_transpose2d: stride .*0"),
    (lambda: ops.conv_transpose2d(X, WT, padding="same"), ValueError, "conv_transpose2d: padding"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
