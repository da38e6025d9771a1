import numpy as np
import pytest

from minipose.pose import decode_argmax, decode_dark, encode_heatmaps, image_to_map, map_to_image

# (height, width) of the maps and the stride: never square, and not a multiple of each other.
CASES = [((29, 41), 2), ((41, 29), 4), ((31, 37), 1), ((23, 19), 3)]


def random_points(seed, map_size, stride, count=40, joints=7):
    """Points anywhere in the image, to its very borders."""
    height, width = map_size
    generator = np.random.default_rng(seed)
    return generator.uniform((-0.5, -0.5), (width * stride - 0.5, height * stride - 0.5), (count, joints, 2))


def error_in_cells(decoded, points, stride):
    return np.linalg.norm(decoded - points, axis=-1) / stride


@pytest.mark.parametrize("stride", [1, 2, 4, 7])
def test_the_centre_of_a_cell_is_the_mean_of_its_pixels(stride):
    pixels = np.arange(3 * stride, 4 * stride)
    cell = image_to_map(np.array([pixels.mean(), 0.0]), stride)
    assert cell[0] == pytest.approx(3)
    assert map_to_image(np.array([3.0, 0.0]), stride)[0] == pytest.approx(pixels.mean())


def test_the_two_maps_undo_each_other_and_keep_float32():
    points = np.random.default_rng(0).uniform(-9, 70, (3, 5, 2)).astype(np.float32)
    there_and_back = map_to_image(image_to_map(points, 4), 4)
    np.testing.assert_allclose(there_and_back, points, atol=1e-5)
    assert image_to_map(points, 4).dtype == there_and_back.dtype == np.float32


def test_a_mirrored_image_has_mirrored_cells():
    """What a top-left convention gets wrong: image x -> W-1-x must be cell j -> w-1-j, at every stride."""
    points = np.array([[11.3, 5.0]])
    mirrored = np.array([[24 - 1 - 11.3, 5.0]])
    assert image_to_map(mirrored, 4)[0, 0] == pytest.approx(6 - 1 - image_to_map(points, 4)[0, 0])


def test_heatmap_is_the_gaussian_of_its_formula():
    map_size, stride, sigma = (5, 7), 2, 1.3
    points = np.array([[[3.2, 6.1], [11.0, 0.4]]])
    maps = encode_heatmaps(points, map_size, stride, sigma)
    assert maps.dtype == np.float32 and maps.shape == (1, 2, 5, 7)
    for joint in range(2):
        x, y = (points[0, joint] - 0.5) / 2
        for row in range(5):
            for column in range(7):
                expected = np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma**2))
                assert maps[0, joint, row, column] == pytest.approx(expected, rel=1e-5)


def test_heatmaps_are_channels_last_in_memory():
    maps = encode_heatmaps(random_points(0, (5, 7), 2, count=3), (5, 7), 2)
    assert maps.transpose(0, 2, 3, 1).flags.c_contiguous


def test_a_point_on_a_cell_centre_gives_a_peak_of_one():
    maps = encode_heatmaps(np.array([[[4 * 5 + 1.5, 4 * 2 + 1.5]]]), (4, 9), 4)
    assert maps[0, 0, 2, 5] == 1
    assert maps.max() == 1


def test_a_point_far_outside_leaves_an_empty_map():
    assert encode_heatmaps(np.array([[[500.0, -300.0]]]), (11, 13), 2).max() == 0


@pytest.mark.parametrize("map_size, stride", CASES)
def test_argmax_is_right_to_the_cell(map_size, stride):
    points = random_points(1, map_size, stride)
    decoded, scores = decode_argmax(encode_heatmaps(points, map_size, stride), stride)
    assert np.abs(decoded - points).max() <= stride / 2 + 1e-4
    assert scores.min() > 0.8
    assert error_in_cells(decoded, points, stride).mean() == pytest.approx(0.383, abs=0.03)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("map_size, stride", CASES)
@pytest.mark.parametrize("blur", [True, False])
def test_dark_is_exact_on_perfect_maps_even_at_the_border(map_size, stride, sigma, blur):
    points = random_points(2, map_size, stride)
    decoded, scores = decode_dark(encode_heatmaps(points, map_size, stride, sigma), stride, sigma, blur)
    assert decoded.dtype == np.float32 and decoded.shape == points.shape and scores.shape == points.shape[:2]
    assert error_in_cells(decoded, points, stride).max() < 0.01


def test_the_blur_takes_out_noise():
    map_size, stride = (32, 32), 2
    points = np.random.default_rng(3).uniform(12, 50, (60, 16, 2))
    maps = encode_heatmaps(points, map_size, stride)
    maps = maps + 0.03 * np.random.default_rng(4).standard_normal(maps.shape)
    blurred = error_in_cells(decode_dark(maps, stride)[0], points, stride).mean()
    plain = error_in_cells(decode_dark(maps, stride, blur=False)[0], points, stride).mean()
    assert blurred == pytest.approx(0.031, abs=0.003)
    assert plain == pytest.approx(0.095, abs=0.01)


def test_decoders_do_not_depend_on_memory_order_or_on_the_other_maps():
    points = random_points(5, (29, 41), 2)
    maps = encode_heatmaps(points, (29, 41), 2) + 0.05 * np.random.default_rng(6).random((40, 7, 29, 41))
    for decode in (decode_argmax, decode_dark):
        together, _ = decode(maps, 2)
        alone, _ = decode(np.ascontiguousarray(maps[3:4, 2:3]), 2)
        np.testing.assert_allclose(together[3, 2], alone[0, 0], atol=1e-4)


def test_the_step_of_dark_is_at_most_one_cell():
    generator = np.random.default_rng(7)
    maps = generator.standard_normal((50, 3, 9, 11)).astype(np.float32)
    for blur in (True, False):
        decoded, scores = decode_dark(maps, 3, blur=blur)
        highest, highest_scores = decode_argmax(maps, 3)
        assert np.isfinite(decoded).all()
        assert np.abs(decoded - highest).max() <= 3 + 1e-4
        np.testing.assert_array_equal(scores, highest_scores)


@pytest.mark.parametrize("decode", [decode_argmax, decode_dark])
@pytest.mark.parametrize("value", [0.0, -0.7, 0.4])
def test_a_flat_map_gives_its_value_as_score_and_the_first_cell(decode, value):
    points, scores = decode(np.full((2, 3, 8, 5), value, dtype=np.float32), 4)
    np.testing.assert_array_equal(points, 1.5)
    np.testing.assert_array_equal(scores, np.float32(value))


@pytest.mark.parametrize("decode", [decode_argmax, decode_dark])
def test_a_negative_map_gives_its_highest_cell_and_a_negative_score(decode):
    maps = -np.random.default_rng(8).uniform(1, 2, (1, 1, 8, 5)).astype(np.float32)
    maps[0, 0, 6, 3] = -0.5
    points, scores = decode(maps, 2)
    np.testing.assert_array_equal(points[0, 0], [6.5, 12.5])
    assert scores[0, 0] == -0.5


def test_dark_does_not_care_how_high_the_peak_is():
    points = random_points(9, (21, 17), 2)
    maps = encode_heatmaps(points, (21, 17), 2)
    np.testing.assert_allclose(decode_dark(1e-6 * maps, 2)[0], decode_dark(maps, 2)[0], atol=1e-3)


@pytest.mark.parametrize("decode", [decode_argmax, decode_dark])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_decoders_refuse_maps_that_are_not_finite(decode, bad):
    maps = np.zeros((2, 3, 8, 5), dtype=np.float32)
    maps[1, 2, 7, 4] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        decode(maps, 4)


@pytest.mark.parametrize("decode", [decode_argmax, decode_dark])
@pytest.mark.parametrize("shape", [(3, 8, 5), (0, 3, 8, 5), (2, 3, 0, 5)])
def test_decoders_refuse_wrong_shapes(decode, shape):
    with pytest.raises(ValueError, match=r"maps must have shape \(N, J, h, w\)"):
        decode(np.zeros(shape), 4)


def test_dark_needs_three_cells():
    with pytest.raises(ValueError, match="at least 3 x 3 cells, got 2 x 5"):
        decode_dark(np.zeros((1, 1, 2, 5)), 4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((np.zeros((2, 16, 3)), (8, 8), 2), r"last axis of points must be \(x, y\)"),
        ((np.zeros((16, 2)), (8, 8), 2), r"shape \(N, J, 2\)"),
        ((np.full((1, 1, 2), np.nan), (8, 8), 2), "NaN"),
        ((np.zeros((1, 1, 2)), (8, 0), 2), "map_size"),
        ((np.zeros((1, 1, 2)), (8, 8, 8), 2), "map_size"),
        ((np.zeros((1, 1, 2)), (8, 8), 0), "stride"),
        ((np.zeros((1, 1, 2)), (8, 8), 2, 0.0), "sigma"),
        ((np.zeros((1, 1, 2)), (8, 8), 2, np.nan), "sigma"),
    ],
)
def test_encoder_refuses_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        encode_heatmaps(*arguments)
