"""Depthwise convolution and its gradients against the reference, on every edge of pixels, taps, vectors and blocks."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from minipose.kernels.cpu import depthwise
from tests.kernels.test_cpu import PLAIN, TAILS, compare, compare_convolutions, each_layout, random

GEOMETRIES = {
    "plain": {"size": (7, 11), "kernel": (3, 3), "padding": (1, 1)},
    "one_tap": {"size": (5, 7), "kernel": (1, 1), "stride": (2, 3)},
    "one_pixel": {"size": (1, 1), "kernel": (3, 5), "padding": (1, 2)},
    "strided": {"size": (13, 19), "kernel": (5, 3), "stride": (2, 3), "padding": (2, 0)},
    "stride_beyond_kernel": {"size": (11, 7), "kernel": (1, 2), "stride": (3, 5)},
    "dilated": {"size": (11, 23), "kernel": (3, 2), "dilation": (2, 5), "padding": (3, 1)},
    "both": {"size": (13, 11), "kernel": (3, 4), "stride": (4, 3), "dilation": (2, 3), "padding": (1, 5)},
    "padding_beyond_kernel": {"size": (3, 2), "kernel": (2, 1), "padding": (4, 3)},
    "wide": {"size": (3, 37), "kernel": (7, 3), "padding": (3, 1)},
}


@pytest.mark.parametrize("name", GEOMETRIES)
@each_layout
def test_geometries_in_every_layout(name, layout, rng):
    for C in (5, 19):
        compare_convolutions(rng, 3, C, C, layout=layout, groups=C, **GEOMETRIES[name])


@pytest.mark.parametrize("C", TAILS)
def test_channel_tails(C, rng):
    compare_convolutions(rng, 2, C, C, (5, 11), (3, 2), padding=(1, 0), groups=C)


@pytest.mark.parametrize("width", range(1, 27))
def test_widths(width, rng):
    compare_convolutions(rng, 1, 17, 17, (3, width), (3, 3), padding=(1, 1), groups=17)


def test_images_of_more_rows_than_a_block_and_more_images_than_workers(rng):
    compare_convolutions(rng, 1, 17, 17, (211, 67), (3, 3), padding=(1, 1), groups=17)
    compare_convolutions(rng, 7, 33, 33, (61, 41), (2, 3), stride=(2, 1), padding=(1, 0), groups=33)


def test_slices_of_channels_and_broadcast_gradients(rng):
    x, weight = random(rng, 2, 7, 5, 41).transpose(0, 3, 1, 2)[:, 3:22], random(rng, 19, 1, 3, 2)
    grad, options = np.broadcast_to(np.float32(1.5), (2, 19, 5, 4)), {**PLAIN, "groups": 19}
    compare("conv2d", x, weight, **options)
    compare("conv2d_input_grad", grad, weight, size=(7, 5), **options)
    compare("conv2d_weight_grad", x, grad, kernel=(3, 2), **options)


def test_only_one_kernel_for_each_channel_is_done_this_way():
    assert depthwise.fits((6, 1, 3, 3), 6)
    assert not depthwise.fits((12, 1, 3, 3), 6)
    assert not depthwise.fits((6, 2, 3, 3), 3)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_bad_number_reaches_what_depends_on_it_and_nothing_else(bad, rng):
    options = {**PLAIN, "padding": (1, 1), "stride": (2, 1), "groups": 19}
    x, weight = random(rng, 2, 19, 7, 35), random(rng, 19, 1, 3, 2)
    grad = random(rng, *cpu.conv2d(x, weight, **options).shape)
    x[1, 2, 3, 20] = grad[0, 5, 1, 7] = bad
    calls = [
        ("conv2d", (x, weight), {}),
        ("conv2d_input_grad", (grad, weight), {"size": (7, 35)}),
        ("conv2d_weight_grad", (x, np.nan_to_num(grad)), {"kernel": (3, 2)}),
        ("conv2d_weight_grad", (np.nan_to_num(x), grad), {"kernel": (3, 2)}),
    ]
    for name, arrays, more in calls:
        expected = getattr(reference, name)(*(a.astype(np.float64) for a in arrays), **options, **more)
        actual = getattr(cpu, name)(*arrays, **options, **more)
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), err_msg=name)


def test_no_images():
    x, weight, options = np.ones((0, 5, 7, 5), np.float32), np.ones((5, 1, 3, 2), np.float32), {**PLAIN, "groups": 5}
    y = cpu.conv2d(x, weight, **options)
    assert y.shape == (0, 5, 5, 4)
    assert cpu.conv2d_input_grad(y, weight, size=(7, 5), **options).shape == x.shape
    np.testing.assert_array_equal(cpu.conv2d_weight_grad(x, y, kernel=(3, 2), **options), np.zeros_like(weight))
