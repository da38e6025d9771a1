import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

IMAGE = (2, 3, 7, 5)


def resize(name, image=IMAGE, **options):
    return Case(name, lambda F, x: F.interpolate(x, **options), [image])


CASES = [
    resize("nearest_double", scale_factor=2),
    resize("nearest_larger", size=(11, 13)),
    resize("nearest_smaller", size=(3, 2)),
    resize("nearest_factors", scale_factor=(1.7, 0.6)),
    resize("nearest_one_pixel", size=1),
    resize("bilinear_double", scale_factor=2, mode="bilinear"),
    resize("bilinear_larger", size=(11, 13), mode="bilinear"),
    resize("bilinear_smaller", size=(3, 2), mode="bilinear"),
    resize("bilinear_factors", scale_factor=(1.7, 0.6), mode="bilinear"),
    resize("bilinear_corners", size=(11, 3), mode="bilinear", align_corners=True),
    resize("bilinear_corners_to_one_pixel", size=(1, 9), mode="bilinear", align_corners=True),
    resize("bilinear_corners_double", scale_factor=2, mode="bilinear", align_corners=True),
    resize("bilinear_from_one_pixel", size=(3, 4), mode="bilinear", image=(2, 3, 1, 1)),
    resize("same_size", size=(7, 5), mode="bilinear"),
]
LINEAR = CASES


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@oracle.each_dtype
def test_constant_stays_constant(mode, dtype):
    y = ops.interpolate(Tensor(np.full(IMAGE, 3.25, dtype)), size=(11, 4), mode=mode)
    np.testing.assert_allclose(y.data, np.full((2, 3, 11, 4), 3.25), rtol=1e-6)


@oracle.each_dtype
def test_nearest_keeps_a_bad_pixel_to_its_own_copies(dtype):
    values = np.ones((1, 1, 3, 5), dtype)
    values[0, 0, 1, 2], values[0, 0, 0, 0] = np.nan, np.inf
    y = ops.interpolate(Tensor(values), scale_factor=2).data[0, 0]
    np.testing.assert_array_equal(y, values[0, 0].repeat(2, 0).repeat(2, 1))


@oracle.each_dtype
def test_bilinear_keeps_a_bad_pixel_to_its_neighbourhood(dtype, torch):
    values = np.ones((1, 1, 7, 5), dtype)
    values[0, 0, 3, 2] = np.nan
    y = ops.interpolate(Tensor(values), scale_factor=2, mode="bilinear").data
    expected = torch.nn.functional.interpolate(torch.tensor(values), scale_factor=2, mode="bilinear").numpy()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))


@oracle.each_dtype
def test_an_empty_batch(dtype):
    x = Tensor(np.zeros((0, 3, 7, 5), dtype), requires_grad=True)
    y = ops.interpolate(x, scale_factor=2)
    assert y.shape == (0, 3, 14, 10)
    y.sum().backward()
    assert x.grad.shape == x.shape


X = minipose.ones(*IMAGE)
ERRORS = [
    (lambda: ops.interpolate(X.data, size=3), TypeError, "interpolate: input .*ndarray"),
    (lambda: ops.interpolate(X[0], size=3), ValueError, r"interpolate: input .*\(3, 7, 5\)"),
    (lambda: ops.interpolate(X.to("uint8"), size=3), TypeError, "interpolate: input .*uint8"),
    (lambda: ops.interpolate(X, size=3, mode="bicubic"), ValueError, "interpolate: mode .*'bicubic'"),
    (lambda: ops.interpolate(X, size=3, align_corners=True), ValueError, "interpolate: align_corners"),
    (lambda: ops.interpolate(X), ValueError, "interpolate: .*size or scale_factor"),
    (lambda: ops.interpolate(X, size=3, scale_factor=2), ValueError, "interpolate: .*size or scale_factor"),
    (lambda: ops.interpolate(X, size=0), ValueError, "interpolate: .*0"),
    (lambda: ops.interpolate(X, size=(3, 4, 5)), ValueError, r"interpolate: .*\(3, 4, 5\)"),
    (lambda: ops.interpolate(X, size=2.5), ValueError, "interpolate: .*2.5"),
    (lambda: ops.interpolate(X, scale_factor=-1), ValueError, "interpolate: .*-1"),
    (lambda: ops.interpolate(X, scale_factor=0.1), ValueError, r"interpolate: \(7, 5\) pixels cannot become \(0, 0\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
