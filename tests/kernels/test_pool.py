"""Pooling and its gradients against the reference, in every memory layout."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from tests.kernels.test_cpu import compare, each_layout, lay, random

POOLS = [  # kernel, stride, padding, dilation, output size of a 7 x 11 image
    ((2, 2), (2, 2), (0, 0), (1, 1), (3, 5)),
    ((3, 2), (2, 1), (1, 1), (1, 1), (4, 12)),
    ((1, 1), (2, 3), (0, 0), (1, 1), (4, 4)),
    ((2, 3), (1, 2), (1, 0), (3, 2), (6, 4)),
    ((2, 3), (3, 5), (0, 0), (1, 1), (3, 3)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "size"), POOLS)
@pytest.mark.parametrize("C", [1, 3, 17])
@each_layout
def test_max_pool2d(kernel, stride, padding, dilation, size, C, layout, rng):
    x = lay(layout, rng.integers(-4, 4, (3, C, 7, 11)).astype(np.float32))  # many ties
    _, places = compare("max_pool2d", x, kernel, stride, padding, dilation, size)
    grad = lay(layout, random(rng, 3, C, *size))
    compare("max_pool2d_grad", grad, places, (7, 11), kernel, stride, padding, dilation)
    compare("max_pool2d_grad", grad, np.ascontiguousarray(places), (7, 11), kernel, stride, padding, dilation)
    compare("take_pixels", x, places)


def test_max_pool2d_of_nan_and_of_minus_infinity(rng):
    x = np.full((2, 3, 6, 5), -np.inf, np.float32)
    x[0, 1, 2:4, 2:4] = np.nan
    x[1, 2] = random(rng, 6, 5)
    arguments = (2, 2), (2, 1), (0, 0), (1, 1), (3, 4)
    for actual, expected in zip(cpu.max_pool2d(x, *arguments), reference.max_pool2d(x, *arguments), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_max_pool2d_of_windows_in_the_padding_alone(rng):
    x = random(rng, 2, 3, 2, 3)
    arguments = (1, 2), (2, 3), (3, 2), (1, 1), (4, 3)
    for actual, expected in zip(cpu.max_pool2d(x, *arguments), reference.max_pool2d(x, *arguments), strict=True):
        np.testing.assert_array_equal(actual, expected)


AVERAGES = [  # kernel, stride, padding, output size of a 7 x 11 image
    ((2, 3), (2, 3), (0, 0), (3, 3)),
    ((3, 2), (2, 1), (1, 1), (4, 12)),
    ((3, 5), (1, 2), (0, 2), (5, 6)),
    ((2, 2), (3, 5), (0, 1), (3, 3)),
    ((3, 2), (3, 2), (1, 0), (3, 6)),  # as with ceil_mode: windows hang over the edge
    ((7, 11), (7, 11), (0, 0), (1, 1)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), AVERAGES)
@pytest.mark.parametrize("C", [1, 3, 17])
@each_layout
def test_avg_pool2d(kernel, stride, padding, size, C, layout, rng):
    x, grad, share = random(rng, 3, C, 7, 11), random(rng, 3, C, *size), lay(layout, random(rng, *size))
    compare("avg_pool2d", lay(layout, x), share, kernel, stride, padding)
    compare("avg_pool2d_grad", lay(layout, grad), share, (7, 11), kernel, stride, padding)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_avg_pool2d_of_a_bad_number(bad, rng):
    x, grad, share = random(rng, 2, 3, 7, 5), random(rng, 2, 3, 4, 3), random(rng, 4, 3)
    x[1, 2, 3, 4] = grad[0, 1, 2, 1] = bad
    geometry = (3, 2), (2, 2), (1, 1)
    for name, arguments in (("avg_pool2d", (x, share)), ("avg_pool2d_grad", (grad, share, (7, 5)))):
        actual, expected = (getattr(kernels, name)(*arguments, *geometry) for kernels in (cpu, reference))
        np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected), err_msg=name)
        assert not np.isfinite(actual).all()


def test_the_mean_of_a_large_image_is_exact(rng):
    x = random(rng, 1, 3, 211, 199) + 100
    y = cpu.avg_pool2d(x, np.float32([[1 / (211 * 199)]]), (211, 199), (1, 1), (0, 0))
    np.testing.assert_allclose(y[0, :, 0, 0], x.astype(np.float64).mean((0, 2, 3)), rtol=2e-6)


def test_no_images():
    x, share = np.ones((0, 3, 7, 5), np.float32), np.ones((3, 2), np.float32)
    y, places = cpu.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), (3, 2))
    assert y.shape == places.shape == cpu.take_pixels(x, places).shape == (0, 3, 3, 2)
    assert cpu.max_pool2d_grad(y, places, (7, 5), (2, 2), (2, 2), (0, 0), (1, 1)).shape == x.shape
    assert cpu.avg_pool2d(x, share, (2, 2), (2, 2), (0, 0)).shape == y.shape
    assert cpu.avg_pool2d_grad(y, share, (7, 5), (2, 2), (2, 2), (0, 0)).shape == x.shape
