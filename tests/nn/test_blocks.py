import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize(("name", "arguments"), [
    ("ResidualBlock", (5, 5)),
    ("ResidualBlock", (5, 3)),
    ("ResidualBlock", (5, 7, 2)),
    ("ResidualBlock", (5, 5, 2)),
    ("ResidualBlock", (5, 7, 2, "reflect")),
    ("ResidualBlock", (5, 5, 1, "replicate")),
    ("TransposedResidualBlock", (5, 3)),
    ("TransposedResidualBlock", (5, 3, 1)),
    ("TransposedResidualBlock", (5, 3, 2, "reflect")),
    ("TransposedResidualBlock", (5, 3, 3)),
], ids=str)  # fmt: skip
@each_dtype
def test_matches_torch(name, arguments, dtype, rng, torch):
    from tests.models import torch_hourglass

    ours, theirs = getattr(nn, name)(*arguments), getattr(torch_hourglass, name)(*arguments)
    check_twins(torch, ours, theirs, (3, 5, 6, 4), rng, dtype)


def test_shortcut_is_the_input_itself_where_the_shape_stays():
    assert isinstance(nn.ResidualBlock(5, 5).shortcut, nn.Identity)
    for changed in (nn.ResidualBlock(5, 5, 2), nn.ResidualBlock(5, 3)):
        assert [type(m) for m in changed.shortcut] == [nn.Conv2d, nn.BatchNorm2d]


def test_convolutions_have_no_bias():
    for block in (nn.ResidualBlock(5, 3, 2), nn.TransposedResidualBlock(5, 3)):
        assert all(m.bias is None for m in block.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))


def taps_at_each_pixel(layer):
    """Return how many input pixels each pixel of the result is made of, for an input of 5 x 7 pixels."""
    C, F = layer.in_channels, layer.out_channels
    layer.weight.data[...] = 1 / C
    with minipose.no_grad():
        y = layer(minipose.ones(1, C, 5, 7)).data
    assert y.shape[1] == F and np.allclose(y, y[:, :1])
    return y[0, 0].round().astype(int)


def taps_in_a_block(part, kernel):
    taps = taps_at_each_pixel(getattr(nn.TransposedResidualBlock(3, 2, kernel), part)[0])
    assert taps.shape == (10, 14)
    return taps


@pytest.mark.parametrize(("part", "kernel"), [("shortcut", 4), ("shortcut", 3), ("shortcut", 2), ("branch", 2)])
def test_kernel_two_reaches_every_pixel_once(part, kernel):
    np.testing.assert_array_equal(taps_in_a_block(part, kernel), np.ones((10, 14)))


def test_kernel_four_reaches_every_inner_pixel_evenly_and_is_the_default():
    taps = taps_in_a_block("branch", 4)
    assert (taps > 0).all()
    np.testing.assert_array_equal(taps[1:-1, 1:-1], np.full((8, 12), 4))
    assert nn.TransposedResidualBlock(3, 2).branch[0].kernel_size == (4, 4)


def test_kernel_three_makes_a_checkerboard():
    rows, columns = np.array([1, 2] * 5), np.array([1, 2] * 7)
    rows[-1] = columns[-1] = 1  # there is no pixel beyond the edge
    np.testing.assert_array_equal(taps_in_a_block("branch", 3), np.outer(rows, columns))


@pytest.mark.parametrize("part", ["branch", "shortcut"])
def test_kernel_one_leaves_a_grid_of_zeros(part):
    expected = np.zeros((10, 14))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(taps_in_a_block(part, 1), expected)


@pytest.mark.parametrize("kernel", [0, 5, 2.0])
def test_other_kernels_are_named(kernel):
    with pytest.raises((ValueError, TypeError), match="^TransposedResidualBlock: kernel must be"):
        nn.TransposedResidualBlock(3, 2, kernel)


def test_every_input_pixel_reaches_the_result(rng):
    block = nn.TransposedResidualBlock(2, 3).eval()
    x = Tensor(rng.standard_normal((1, 2, 5, 3)).astype(np.float32), requires_grad=True)
    block.branch(x).sum().backward()
    assert (x.grad.data != 0).all()
