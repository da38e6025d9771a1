"""Mistakes that made a whole table of pose networks no better than a constant, planted one by one: each is loud."""

import numpy as np
import pytest

from minipose import Tensor, nn
from minipose.pose import HeatmapCodec, IntegralCodec, decode_soft_argmax, encode_heatmaps

SIZE, STRIDE = (64, 80), 4  # the maps are 16 x 20


@pytest.fixture
def codec():
    return HeatmapCodec(SIZE, STRIDE)


@pytest.fixture
def points(rng):
    return rng.uniform(2, (SIZE[1] - 3, SIZE[0] - 3), (8, 16, 2))


SEEN = np.full((8, 16), 2)


def test_b1_maps_with_the_joints_last_are_refused_and_a_reshape_does_not_repair_them(codec, points):
    """A network gives (H, W, J) and Reshape makes (J, H, W) of it, where a transpose was meant."""
    maps = codec.encode(points, SEEN)[0]
    joints_last = np.ascontiguousarray(maps.transpose(0, 2, 3, 1))
    said = r"\(N, J, 16, 20\), got \(8, 16, 20, 16\); this looks like \(N, h, w, J\), whose axes transpose"
    with pytest.raises(ValueError, match=said):
        codec.decode(joints_last)
    scrambled = codec.decode(joints_last.reshape(maps.shape))[0]
    assert np.linalg.norm(scrambled - points, axis=-1).mean() > 20
    put_in_order = codec.decode(joints_last.transpose(0, 3, 1, 2))[0]
    assert np.linalg.norm(put_in_order - points, axis=-1).max() < 0.1


def test_b2_x_lies_on_the_columns_of_a_target(codec, points):
    """np.outer(gauss(x), gauss(y)) puts it on the rows."""
    maps = codec.encode(points, SEEN)[0]
    rows, columns = np.divmod(maps.reshape(8, 16, -1).argmax(-1), maps.shape[3])
    cells = np.stack([columns, rows], axis=-1)
    assert np.abs(STRIDE * cells + (STRIDE - 1) / 2 - points).max() <= STRIDE / 2
    with pytest.raises(ValueError, match=r"\(N, J, 16, 20\), got \(8, 16, 20, 16\)"):
        codec.decode(maps.swapaxes(2, 3))


def test_b2_a_transposed_target_of_a_square_map_is_not_decoded_to_its_point():
    codec = HeatmapCodec((64, 64), 4)
    maps, _ = codec.encode(np.array([[[50.0, 6.0]]]), np.array([[2]]))
    np.testing.assert_allclose(codec.decode(maps)[0], [[[50, 6]]], atol=0.1)
    np.testing.assert_allclose(codec.decode(maps.swapaxes(2, 3))[0], [[[6, 50]]], atol=0.1)


@pytest.mark.parametrize("shrunk", [2, 4])
def test_b3_labels_in_the_pixels_of_a_larger_image_are_refused(points, shrunk):
    """The map is smaller than the input, and the labels were left as they are."""
    small = HeatmapCodec((SIZE[0] // shrunk, SIZE[1] // shrunk), 1)
    with pytest.raises(ValueError, match=r"^HeatmapCodec.encode: \d+ of 128 labelled joints lie outside the image of"):
        small.encode(points, SEEN)
    assert small.encode(points / shrunk, SEEN)[1].all()


def test_b3_some_joints_outside_are_left_out_and_not_refused(codec, points):
    points[:, :7, 0] += 500
    weights = codec.encode(points, SEEN)[1]
    assert not weights[:, :7].any() and weights[:, 7:].all()


def test_b4_a_gaussian_that_falls_between_the_cells_is_refused():
    with pytest.raises(ValueError, match="^HeatmapCodec: sigma must be a number from 0.5"):
        HeatmapCodec(SIZE, STRIDE, sigma=0.3)


def test_b4_a_gaussian_that_is_nothing_on_its_map_is_warned_of():
    """Sigma 1/sqrt(2) on a map of 196 x 196: answering 0 everywhere leaves a loss of 4e-5."""
    with pytest.warns(UserWarning, match="sigma 0.707.* on a map of 196 x 196 has a mean square of 4.1e-05"):
        codec = HeatmapCodec((196, 196), 1, sigma=0.5**0.5)
    target, _ = codec.encode(np.array([[[100.0, 60.0]]]), np.array([[2]]))
    assert (target**2).mean() == pytest.approx(4.2e-5, rel=0.01)
    HeatmapCodec((196, 196), 4)  # as usual: no warning


@pytest.mark.parametrize("shape", [(8, 16, 16, 20, 1), (16, 16, 20), (16, 20)])
def test_b12_soft_argmax_of_another_number_of_axes_is_refused(shape):
    """It gave (4, 4) for any input, a batch of five axes that it summed over the wrong ones of."""
    maps = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    with pytest.raises(ValueError, match="^decode_soft_argmax: maps must have shape"):
        decode_soft_argmax(maps, STRIDE)
    with pytest.raises(ValueError, match="^IntegralCodec.decode: outputs must have shape"):
        IntegralCodec(SIZE, STRIDE).decode(maps)
    with pytest.raises(ValueError, match="^soft_argmax2d: input must have four axes"):
        nn.SoftArgmax2d()(Tensor(maps))


def test_b12_soft_argmax_follows_its_input(points):
    maps = encode_heatmaps(points, (16, 20), STRIDE)
    decoded = decode_soft_argmax(maps, STRIDE, beta=50)[0]
    assert np.linalg.norm(decoded - points, axis=-1).mean() < STRIDE / 2
    cells = nn.SoftArgmax2d(beta=50.0)(Tensor(maps.astype(np.float64))).data
    assert cells.std(axis=(0, 1)).min() > 2
