"""The four codecs: what holds for all of them, whatever the size, and what each is asked for."""

import dataclasses

import numpy as np
import pytest

from minipose.pose import HeatmapCodec, IntegralCodec, RegressionCodec, SimCCCodec, decode_argmax, encode_heatmaps
from minipose.pose.codecs import grid

hypothesis = pytest.importorskip("hypothesis", reason="needs Hypothesis: pip install -e '.[test]'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)
SIZE = (24, 40)
CODECS = [HeatmapCodec(SIZE), IntegralCodec(SIZE), SimCCCodec(SIZE), RegressionCodec(SIZE)]
each_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda c: type(c).__name__)


def points_in(size, rng, shape=(3, 5)):
    """Keypoints anywhere in the image, and on its very corners."""
    points = rng.uniform(-0.5, (size[1] - 0.5, size[0] - 0.5), (*shape, 2))
    points[0, 0], points[0, 1] = (-0.5, -0.5), (size[1] - 0.5, size[0] - 0.5)
    return points


def seen(points):
    return np.full(points.shape[:2], 2)


def worst(codec, points):
    """The largest error in x or y, in image pixels."""
    return np.abs(codec.decode(codec.ideal_outputs(points))[0] - points).max()


cells = st.tuples(st.integers(3, 20), st.integers(3, 20))
strides = st.integers(1, 5)
sigmas = st.floats(0.5, 3)
seeds = st.integers(0, 99)


@quick
@given(cells, strides, sigmas, st.booleans(), seeds)
def test_heatmaps_come_back_right_to_what_their_decoder_promises(cells, stride, sigma, rounded, seed):
    size = cells[0] * stride, cells[1] * stride
    points = points_in(size, np.random.default_rng(seed))
    dark = 0.5 if rounded else 0.02 if sigma >= 1 else 0.06  # a narrow Gaussian is not itself again when it is blurred
    for decoder, bound in (("argmax", 0.5), ("quarter", 0.5), ("dark", dark)):
        codec = HeatmapCodec(size, stride, sigma, rounded, decoder)
        assert worst(codec, points) <= bound * stride + 1e-3, decoder
    inner = np.clip(points, 1.01 * stride - 0.5, np.array(size[::-1]) - 0.5 - 1.01 * stride)
    if not rounded:
        assert worst(HeatmapCodec(size, stride, sigma, decoder="quarter"), inner) <= 0.25 * stride + 1e-3


@quick
@given(cells, strides, st.floats(0.7, 2), st.floats(0.2, 20), seeds)
def test_integral_comes_back_where_the_map_holds_its_gaussian(cells, stride, sigma, beta, seed):
    size = tuple((n + int(10 * sigma) + 1) * stride for n in cells)
    margin = 5 * sigma * stride
    points = np.random.default_rng(seed).uniform(margin, np.array(size[::-1]) - 1 - margin, (2, 3, 2))
    assert worst(IntegralCodec(size, stride, sigma, beta), points) < 0.01 * stride


@quick
@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.integers(1, 4), st.floats(0.5, 8), seeds)
def test_simcc_comes_back_to_half_a_bin(size, split, sigma, seed):
    points = points_in(size, np.random.default_rng(seed))
    for decoder in ("argmax", "expectation"):
        assert worst(SimCCCodec(size, split, sigma, decoder), points) <= 0.5 / split + 1e-4


@quick
@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), seeds)
def test_regression_comes_back_exactly(size, seed):
    points = points_in(size, np.random.default_rng(seed)).astype(np.float32)
    codec = RegressionCodec(size)
    assert worst(codec, points) <= 1e-6 * max(size)
    assert codec.encode(points, seen(points))[0].min() >= 0 and codec.ideal_outputs(points).max() <= 1


def test_zero_and_one_are_the_edges_of_the_image():
    edges = np.array([[[-0.5, -0.5], [39.5, 23.5], [19.5, 11.5]]])
    np.testing.assert_array_equal(RegressionCodec(SIZE).ideal_outputs(edges), [[[0, 0], [1, 1], [0.5, 0.5]]])


@pytest.mark.parametrize("split", [1, 2, 3])
def test_the_middle_of_the_bins_of_a_pixel_is_the_pixel(split):
    bins = np.arange(5 * split, 6 * split, dtype=float)
    assert grid.bins_to_image(np.stack([bins, bins], -1), split)[:, 0].mean() == pytest.approx(5)
    assert grid.image_to_bins(np.array([5.0, 5.0]), split)[0] == pytest.approx(bins.mean())


@each_codec
def test_shapes_types_and_what_the_network_must_give(codec, rng):
    points = points_in(SIZE, rng).astype(np.float32)
    targets, weights = codec.encode(points, seen(points))
    ideal = codec.ideal_outputs(points)
    assert ideal.shape == (3, *codec.output_shape(5)) and len(targets) == 3
    decoded, scores = codec.decode(ideal)
    assert {a.dtype for a in (targets, weights, ideal, decoded, scores)} == {np.dtype(np.float32)}
    assert decoded.shape == (3, 5, 2) and scores.shape == weights.shape == (3, 5)
    np.testing.assert_allclose(codec.decode(ideal.astype(np.float64))[0], decoded, atol=1e-5)
    assert not isinstance(codec, HeatmapCodec | SimCCCodec | RegressionCodec) or targets.shape == ideal.shape
    restored = type(codec)(**dataclasses.asdict(codec))
    assert restored == codec and hash(restored) == hash(codec)


@each_codec
def test_memory_order_and_the_other_joints_do_not_matter(codec, rng):
    points = points_in(SIZE, rng)
    outputs = codec.ideal_outputs(points) + 0.01 * rng.standard_normal((3, *codec.output_shape(5))).astype(np.float32)
    expected = codec.decode(np.ascontiguousarray(outputs))[0]
    for view in (np.asfortranarray(outputs), np.repeat(outputs, 2, axis=-1)[..., ::2], outputs[::-1].copy()[::-1]):
        np.testing.assert_allclose(codec.decode(view)[0], expected, atol=1e-5)
    np.testing.assert_allclose(codec.decode(outputs[2:, 3:4])[0], expected[2:, 3:4], atol=1e-4)
    wide = np.repeat(points, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(codec.encode(wide, seen(wide))[0], codec.encode(points, seen(points))[0])


@each_codec
def test_a_joint_counts_if_it_is_labelled_and_in_the_image(codec, rng):
    points = points_in(SIZE, rng)
    visible = rng.integers(0, 3, (3, 5))
    visible[0] = 2, 1, 2, 1, 2
    points[0, 2] = 39.6, 10  # just beyond the edge
    points[1, 0] = -300, 4000
    visible[1, 0] = 0
    targets, weights = codec.encode(points, visible)
    expected = (visible > 0).astype(np.float32)
    expected[0, 2] = 0
    np.testing.assert_array_equal(weights, expected, strict=True)
    assert np.isfinite(targets).all()
    np.testing.assert_array_equal(codec.encode(points, visible.astype(np.uint8))[1], weights)


@each_codec
def test_no_joint_at_all_is_nothing_to_learn(codec, rng):
    points = points_in(SIZE, rng)
    assert not codec.encode(points + 1000, np.zeros((3, 5), np.uint8))[1].any()


@each_codec
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(codec, bad, rng):
    points = points_in(SIZE, rng)
    name = type(codec).__name__
    outputs = codec.ideal_outputs(points)
    outputs.flat[-1] = bad
    with pytest.raises(ValueError, match=f"^{name}.decode: outputs hold NaN or infinity"):
        codec.decode(outputs)
    points[2, 4, 1] = bad
    with pytest.raises(ValueError, match=f"^{name}.encode: points hold NaN or infinity"):
        codec.encode(points, seen(points))


@each_codec
def test_wrong_shapes_are_refused_by_name(codec, rng):
    points = points_in(SIZE, rng)
    name = type(codec).__name__
    with pytest.raises(ValueError, match=rf"^{name}.encode: visible must have shape \(N, J\) = \(3, 5\), got \(5, 3\)"):
        codec.encode(points, seen(points).T)
    with pytest.raises(ValueError, match=f"^{name}.encode: visible must hold the flags 0, 1 and 2 only"):
        codec.encode(points, seen(points) + 1)
    with pytest.raises(ValueError, match=rf"^{name}.encode: points must have shape \(N, J, 2\), got \(5, 2\)"):
        codec.encode(points[0], seen(points)[0])
    outputs = codec.ideal_outputs(points)
    for wrong in (outputs[0], outputs[None], outputs[..., :-1], outputs[:0]):
        with pytest.raises(ValueError, match=rf"^{name}.decode: outputs must have shape \(N, J, .* = \(N, J, "):
            codec.decode(wrong)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HeatmapCodec((30, 40), 4), "HeatmapCodec: image_size must be multiples of stride 4, not 30 x 40"),
        (lambda: HeatmapCodec(64), r"HeatmapCodec: image_size must be \(height, width\), got 64"),
        (lambda: HeatmapCodec(SIZE, decoder="best"), "HeatmapCodec: decoder must be one of 'argmax', 'quarter'"),
        (lambda: HeatmapCodec((4, 40), 2), "HeatmapCodec: dark needs maps of at least 3 x 3 cells, not 2 x 20"),
        (lambda: IntegralCodec(SIZE, beta=0), "IntegralCodec: beta must be a number from"),
        (lambda: IntegralCodec(SIZE, sigma=0.4), "IntegralCodec: sigma must be a number from 0.5"),
        (lambda: SimCCCodec(SIZE, split=0), "SimCCCodec: split must be at least 1, not 0"),
        (lambda: SimCCCodec(SIZE, sigma=0.4), "SimCCCodec: sigma must be a number from 0.5"),
        (lambda: RegressionCodec((24, 0)), "RegressionCodec: each of image_size must be at least 1, not 0"),
    ],
)
def test_a_codec_that_cannot_work_is_not_made(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_simcc_targets_are_two_distributions_x_first():
    codec = SimCCCodec(SIZE)
    points = np.array([[[30.0, 4.0], [-0.5, 23.5]]])
    targets, _ = codec.encode(points, seen(points))
    x, y = targets[..., : codec.x_bins], targets[..., codec.x_bins :]
    assert (codec.x_bins, codec.y_bins) == (80, 48)
    np.testing.assert_allclose([x.sum(-1), y.sum(-1)], 1, rtol=1e-5)
    assert x[0, 0].argmax() in (60, 61) and y[0, 0].argmax() in (8, 9)
    far = x[0, 0].argmax() + np.array([6, 12])
    np.testing.assert_allclose(x[0, 0][far[0]] / x[0, 0].max(), np.exp(-0.5), rtol=0.1)  # sigma is 6 bins
    assert x[0, 1].argmax() == 0 and y[0, 1].argmax() == codec.y_bins - 1


def test_scores_say_how_sure_the_outputs_are():
    sure, unsure = np.full((2, 1, 1, 6, 10), -9.0)
    sure[0, 0, 2, 3] = 9
    for codec in (IntegralCodec((6, 10), 1), HeatmapCodec((6, 10), 1, decoder="argmax")):
        assert codec.decode(sure)[1][0, 0] > 0.99 > 0.1 > codec.decode(unsure)[1][0, 0]
    simcc = SimCCCodec((6, 10), 1)
    one_axis = np.zeros((1, 1, 16))
    one_axis[..., 3] = 99
    assert simcc.decode(one_axis)[1][0, 0] == pytest.approx(1 / 6)  # x is sure, y knows nothing


def test_a_rounded_centre_is_that_of_a_cell():
    points = np.array([[[5.4, 3.6], [5.6, 3.4]]])
    expected = encode_heatmaps(np.array([[[5.0, 4.0], [6.0, 3.0]]]), (8, 9), 1)
    np.testing.assert_array_equal(encode_heatmaps(points, (8, 9), 1, rounded=True), expected)
    assert np.abs(encode_heatmaps(points, (8, 9), 1) - expected).max() > 0.1
    np.testing.assert_array_equal(decode_argmax(expected, 1)[0], [[[5, 4], [6, 3]]])
