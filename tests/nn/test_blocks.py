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
    ("TransposedResidualBlock", (5, 3)),
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


def test_shortcut_of_the_transposed_block_reaches_every_pixel_once():
    np.testing.assert_array_equal(taps_at_each_pixel(nn.TransposedResidualBlock(3, 2).shortcut[0]), np.ones((10, 14)))


def test_branch_of_the_transposed_block_reaches_every_inner_pixel_evenly():
    taps = taps_at_each_pixel(nn.TransposedResidualBlock(3, 2).branch[0])
    assert taps.shape == (10, 14) and (taps > 0).all()
    np.testing.assert_array_equal(taps[1:-1, 1:-1], np.full((8, 12), 4))


def test_a_kernel_of_one_pixel_would_leave_a_grid_of_zeros_and_one_of_three_a_checkerboard():
    taps = taps_at_each_pixel(nn.ConvTranspose2d(3, 2, 1, stride=2, output_padding=1, bias=False))
    assert taps.shape == (10, 14) and (taps > 0).mean() == 1 / 4
    taps = taps_at_each_pixel(nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1, bias=False))
    np.testing.assert_array_equal(taps[2:4, 2:4], [[1, 2], [2, 4]])


def test_every_input_pixel_reaches_the_result(rng):
    block = nn.TransposedResidualBlock(2, 3).eval()
    x = Tensor(rng.standard_normal((1, 2, 5, 3)).astype(np.float32), requires_grad=True)
    block.branch(x).sum().backward()
    assert (x.grad.data != 0).all()
