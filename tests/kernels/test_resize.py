"""Resizing and its gradient against the reference, upwards and downwards, in every memory layout."""

import numpy as np
import pytest

from minipose.kernels import cpu
from minipose.ops.resize import resize_taps
from tests.kernels.test_cpu import compare, each_layout, lay, random


def taps(length, target, mode="bilinear"):
    low, high, fraction = resize_taps(length, target, length / target, mode, False)
    return low, high, None if fraction is None else fraction.astype(np.float32)


def compare_both_ways(x, grad, rows, columns):
    """The taps are given to both kernels in float32, so `compare` cannot widen them, and need not."""
    compare("resize", x, rows=rows, columns=columns)
    compare("resize_grad", grad, rows=rows, columns=columns, size=x.shape[2:])


@pytest.mark.parametrize("C", [1, 3, 17])
@pytest.mark.parametrize("size", [(14, 10), (4, 5), (1, 1), (11, 3), (13, 17)], ids=str)
@each_layout
def test_resize(size, C, layout, rng):
    x, grad = lay(layout, random(rng, 3, C, 7, 5)), lay(layout, random(rng, 3, C, *size))
    for modes in (("bilinear", "bilinear"), ("nearest", "nearest"), ("bilinear", "nearest"), ("nearest", "bilinear")):
        compare_both_ways(x, grad, *(taps(n, m, mode) for n, m, mode in zip((7, 5), size, modes, strict=True)))


def test_taps_in_any_order(rng):
    rows = np.array([0, 0, 2, 6]), np.array([1, 0, 3, 6]), np.float32([0.25, 0.5, 0.875, 0.5])
    columns = np.array([4, 0, 0, 2, 3]), None, None
    compare_both_ways(random(rng, 2, 3, 7, 5), random(rng, 2, 3, 4, 5), rows, columns)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_number_reaches_what_it_has_a_share_in_and_nothing_else(bad):
    rows, columns = taps(5, 10), taps(3, 9, "nearest")
    x, grad = np.ones((2, 3, 5, 3), np.float32), np.ones((2, 3, 10, 9), np.float32)
    x[1, 2, 3, 1] = grad[1, 2, 3, 4] = bad
    reached = np.zeros(grad.shape, bool)
    reached[1, 2, 5:9, 3:6] = True
    np.testing.assert_array_equal(~np.isfinite(cpu.resize(x, rows, columns)), reached)
    back = np.zeros(x.shape, bool)
    back[1, 2, 1:3, 1] = True
    np.testing.assert_array_equal(~np.isfinite(cpu.resize_grad(grad, rows, columns, (5, 3))), back)


def test_no_images():
    x = np.ones((0, 3, 7, 5), np.float32)
    y = cpu.resize(x, taps(7, 3), taps(5, 11))
    assert y.shape == (0, 3, 3, 11)
    assert cpu.resize_grad(y, taps(7, 3), taps(5, 11), (7, 5)).shape == x.shape
