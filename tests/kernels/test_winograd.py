"""Convolution with fewer multiplications: right to a bound, for every edge of tiles and vectors."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from minipose.kernels.cpu import minimal, winograd
from tests.kernels.test_cpu import each_layout, lay, random

# Of the largest value: the plain sum of these sizes is right to 7e-7; the constants up to 8 cost the rest.
BOUND = 1e-5
SHAPES = [  # N, C, F, H, W, padding, kernel, stride
    (2, 17, 19, 7, 10, (1, 1), 3, 1),
    (1, 16, 33, 7, 4, (1, 1), 3, 1),
    (3, 32, 16, 13, 12, (0, 2), 3, 1),
    (2, 31, 47, 11, 14, (2, 0), 3, 1),
    (13, 19, 37, 4, 7, (1, 1), 3, 1),
    (1, 37, 64, 41, 3, (1, 1), 3, 1),
    (2, 35, 61, 13, 22, (1, 1), 3, 2),
    (3, 64, 33, 15, 18, (0, 0), 3, 2),
    (1, 37, 59, 31, 13, (2, 2), 3, 2),
    (2, 64, 33, 23, 14, (1, 1), 4, 2),
    (3, 33, 32, 16, 17, (0, 0), 4, 2),
    (2, 37, 35, 14, 23, (2, 2), 4, 2),
]


def assert_near(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=BOUND * np.abs(expected).max())


@pytest.fixture(params=SHAPES, ids=str)
def case(request, rng, monkeypatch):
    N, C, F, H, W, padding, kernel, stride = request.param
    monkeypatch.setattr(winograd, "LEAST_TILES", {1: 1, 2: 1})
    pairs = dict(stride=(stride, stride), dilation=(1, 1), groups=1)
    OH, OW = reference.conv_output_size((H, W), (kernel, kernel), pairs["stride"], padding, (1, 1))
    assert winograd.method((F, C, kernel, kernel), (N, F, OH, OW), **pairs)
    assert winograd.input_grad_method((F, C, kernel, kernel), (N, C, H, W), padding=padding, **pairs) or stride == 1
    x, w, grad = random(rng, N, C, H, W), random(rng, F, C, kernel, kernel), random(rng, N, F, OH, OW)
    return x, w, grad, dict(padding=padding, **pairs)


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


@pytest.mark.parametrize("by_channels", [0, 1000])
@each_layout
def test_gradient_by_the_weight(case, layout, by_channels, monkeypatch):
    monkeypatch.setattr(winograd, "BY_CHANNELS", by_channels)
    x, w, grad, plain = case
    expected = reference.conv2d_weight_grad(*doubles(x, grad), kernel=w.shape[2:], **plain)
    assert_near(cpu.conv2d_weight_grad(lay(layout, x), lay(layout, grad), kernel=w.shape[2:], **plain), expected)


def test_a_tile_of_the_plane_is_a_tile_of_rows_by_columns(rng):
    x, w, y = rng.standard_normal((6, 6)), rng.standard_normal((3, 3)), np.zeros((4, 4))
    for i, j in np.ndindex(4, 4):
        y[i, j] = (x[i : i + 3, j : j + 3] * w).sum()
    method = minimal.plain(4, 3)
    A, B, G = method.A, method.B, method.G
    np.testing.assert_allclose(A.T @ ((G @ w @ G.T) * (B @ x @ B.T)) @ A, y, atol=1e-13)


@pytest.mark.parametrize(("change", "used"), [
    ({}, True),
    ({"weight": (16, 15, 3, 3)}, False),
    ({"weight": (15, 16, 3, 3)}, False),
    ({"weight": (16, 16, 3, 1)}, False),
    ({"stride": (1, 2)}, False),
    ({"stride": (2, 2)}, False),  # too few channels
    ({"stride": (2, 2), "weight": (64, 32, 3, 3)}, True),
    ({"stride": (2, 2), "weight": (32, 32, 3, 3)}, False),
    ({"stride": (2, 2), "weight": (32, 32, 4, 4)}, True),
    ({"weight": (32, 32, 4, 4)}, False),
    ({"dilation": (2, 1)}, False),
    ({"groups": 2}, False),
    ({"y": (64, 16, 5, 5)}, False),  # four tiles of 16 pixels for 25
    ({"y": (8, 16, 7, 7)}, True),
    ({"y": (7, 16, 7, 7)}, False),  # 28 tiles
    ({"y": (8, 16, 1, 64)}, False),
], ids=str)  # fmt: skip
def test_where_it_is_used(change, used):
    usual = dict(weight=(16, 16, 3, 3), y=(16, 16, 8, 8), stride=(1, 1), dilation=(1, 1), groups=1)
    assert bool(winograd.method(**(usual | change))) == used


def test_where_the_gradients_are_computed_so():
    size = dict(dilation=(1, 1), groups=1)
    assert winograd.input_grad_method((64, 64, 3, 3), (16, 64, 16, 16), stride=(2, 2), padding=(1, 1), **size)
    assert not winograd.input_grad_method((64, 64, 3, 3), (16, 64, 16, 16), stride=(2, 2), padding=(1, 0), **size)
    assert winograd.weight_grad_method((64, 64, 4, 4), (16, 64, 8, 8), stride=(2, 2), **size)
    assert not winograd.weight_grad_method((64, 64, 3, 3), (16, 64, 8, 8), stride=(2, 2), **size)


def test_two_runs_are_bit_for_bit_equal(rng):
    x, grad = random(rng, 2, 5, 32, 21, 23)
    plain = dict(stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1)
    first = cpu.conv2d_weight_grad(x, grad, kernel=(3, 3), **plain)
    for _ in range(5):
        np.testing.assert_array_equal(cpu.conv2d_weight_grad(x, grad, kernel=(3, 3), **plain), first)
