import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

IMAGE = (2, 3, 7, 5)  # N C H W


def conv(name, weight, image=IMAGE, bias=True, **options):
    shapes = [image, weight, weight[:1]] if bias else [image, weight]
    return Case(name, lambda F, *x: F.conv2d(*x, **options), shapes)


def conv_transpose(name, weight, image=IMAGE, **options):
    bias = (weight[1] * options.get("groups", 1),)
    return Case(f"transpose_{name}", lambda F, *x: F.conv_transpose2d(*x, **options), [image, weight, bias])


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
    conv_transpose("plain", (3, 2, 3, 2)),
    conv_transpose("strided", (3, 2, 3, 2), stride=(2, 3), padding=(1, 0)),
    conv_transpose("output_padding", (3, 2, 3, 2), stride=(2, 3), padding=(1, 1), output_padding=(1, 2)),
    conv_transpose("output_padding_below_dilation", (3, 2, 2, 3), dilation=(3, 2), output_padding=(2, 1)),
    conv_transpose("stride_beyond_kernel", (3, 2, 1, 2), stride=(3, 5), output_padding=(2, 3)),
    conv_transpose("dilated", (3, 2, 3, 2), stride=(3, 2), dilation=(2, 3), padding=(2, 1)),
    conv_transpose("groups", (4, 3, 3, 2), image=(2, 4, 7, 5), groups=2, stride=(2, 1), padding=(0, 1)),
    conv_transpose("pointwise", (3, 2, 1, 1)),
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
def test_an_empty_batch(dtype):
    x = Tensor(np.zeros((0, 3, 7, 5), dtype), requires_grad=True)
    w = Tensor(np.ones((2, 3, 3, 2), dtype), requires_grad=True)
    for y, shape in ((ops.conv2d(x, w), (0, 2, 5, 4)), (ops.conv_transpose2d(x, w.transpose(0, 1)), (0, 2, 9, 6))):
        assert y.shape == shape
        x.grad = w.grad = None
        y.sum().backward()
        assert x.grad.shape == x.shape
        np.testing.assert_array_equal(w.grad.data, np.zeros(w.shape))


def ones(*shape, dtype="float32"):
    return minipose.ones(*shape, dtype=dtype)


X, W, WT = ones(2, 3, 7, 5), ones(6, 3, 3, 2), ones(3, 6, 3, 2)
ERRORS = [
    (lambda: ops.conv2d(np.ones(IMAGE), W), TypeError, "conv2d: input .*ndarray"),
    (lambda: ops.conv2d(X[0], W), ValueError, r"conv2d: input .*\(3, 7, 5\)"),
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
    (lambda: ops.conv2d(X, W, padding="same"), NotImplementedError, "conv2d: padding='same'"),
    (
        lambda: ops.conv2d(X, W, dilation=(1, 5)), ValueError,
        r"conv2d: the kernel \(F=6 C=3 KH=3 KW=2.*padded image \(N=2 C=3 H=7 W=5",
    ),
    (lambda: ops.conv_transpose2d(X[0], WT), ValueError, r"conv_transpose2d: input .*\(3, 7, 5\)"),
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
