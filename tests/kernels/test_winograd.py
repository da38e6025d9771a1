"""The 3x3 convolution with a quarter of the multiplications: right to a bound, for every edge of tiles and vectors."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from minipose.kernels.cpu import winograd
from tests.kernels.test_cpu import each_layout, lay, random

# Of the largest value: the plain sum of these sizes is right to 7e-7; the constants up to 8 cost the rest.
BOUND = 1e-5
SHAPES = [  # N, C, F, H, W, padding
    (2, 17, 19, 7, 10, (1, 1)),
    (1, 16, 33, 7, 4, (1, 1)),
    (3, 32, 16, 13, 12, (0, 2)),
    (2, 31, 47, 11, 14, (2, 0)),
    (13, 19, 37, 4, 7, (1, 1)),
    (1, 37, 64, 41, 3, (1, 1)),
]


def assert_near(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=BOUND * np.abs(expected).max())


@pytest.fixture(params=SHAPES, ids=str)
def case(request, rng, monkeypatch):
    N, C, F, H, W, padding = request.param
    OH, OW = H + 2 * padding[0] - 2, W + 2 * padding[1] - 2
    monkeypatch.setattr(winograd, "LEAST_TILES", 1)
    assert winograd.fits((F, C, 3, 3), (N, F, OH, OW), (1, 1), (1, 1), 1)
    plain = dict(stride=(1, 1), padding=padding, dilation=(1, 1), groups=1)
    return random(rng, N, C, H, W), random(rng, F, C, 3, 3), random(rng, N, F, OH, OW), plain


def doubles(*arrays):
    return (array.astype(np.float64) for array in arrays)


@each_layout
def test_convolution(case, layout):
    x, w, _, plain = case
    assert_near(cpu.conv2d(lay(layout, x), lay(layout, w), **plain), reference.conv2d(*doubles(x, w), **plain))


@each_layout
def test_gradient_by_the_input(case, layout):
    x, w, grad, plain = case
    expected = reference.conv2d_input_grad(*doubles(grad, w), size=x.shape[2:], **plain)
    assert_near(cpu.conv2d_input_grad(lay(layout, grad), lay(layout, w), size=x.shape[2:], **plain), expected)


@each_layout
def test_gradient_by_the_weight(case, layout):
    x, _, grad, plain = case
    expected = reference.conv2d_weight_grad(*doubles(x, grad), kernel=(3, 3), **plain)
    assert_near(cpu.conv2d_weight_grad(lay(layout, x), lay(layout, grad), kernel=(3, 3), **plain), expected)


def test_the_matrices_are_those_of_the_formula(rng):
    x, w, y = rng.standard_normal((6, 6)), rng.standard_normal((3, 3)), np.zeros((4, 4))
    for i, j in np.ndindex(4, 4):
        y[i, j] = (x[i : i + 3, j : j + 3] * w).sum()
    A, B, G = winograd.A, winograd.B, winograd.G
    np.testing.assert_allclose(A.T @ ((G @ w @ G.T) * (B @ x @ B.T)) @ A, y, atol=1e-13)


@pytest.mark.parametrize(("change", "fits"), [
    ({}, True),
    ({"weight": (16, 15, 3, 3)}, False),
    ({"weight": (15, 16, 3, 3)}, False),
    ({"weight": (16, 16, 3, 1)}, False),
    ({"stride": (1, 2)}, False),
    ({"dilation": (2, 1)}, False),
    ({"groups": 2}, False),
    ({"y": (64, 16, 5, 5)}, False),  # four tiles of 16 pixels for 25
    ({"y": (16, 16, 7, 7)}, True),
    ({"y": (15, 16, 7, 7)}, False),  # 60 tiles
    ({"y": (8, 16, 1, 64)}, False),
], ids=str)  # fmt: skip
def test_where_it_is_used(change, fits):
    usual = dict(weight=(16, 16, 3, 3), y=(16, 16, 8, 8), stride=(1, 1), dilation=(1, 1), groups=1)
    assert winograd.fits(**(usual | change)) == fits


def test_two_runs_are_bit_for_bit_equal(rng):
    x, grad = random(rng, 2, 5, 32, 21, 23)
    plain = dict(stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1)
    first = cpu.conv2d_weight_grad(x, grad, kernel=(3, 3), **plain)
    for _ in range(5):
        np.testing.assert_array_equal(cpu.conv2d_weight_grad(x, grad, kernel=(3, 3), **plain), first)
