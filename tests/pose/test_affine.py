import numpy as np
import pytest

from minipose.pose import affine

EACH = {
    "rotation": affine.rotation(35, (4, 7)),
    "scaling": affine.scaling(0.3, (-2, 11)),
    "translation": affine.translation(5.25, -3),
    "flip": affine.horizontal_flip(64),
    "crop": affine.box_to_square((10, 20, 37, 80), size=48, margin=0.1),
}


def test_a_rotation_keeps_its_centre_and_turns_anticlockwise_as_seen():
    # A quarter turn takes what is right of the centre to above it, where y is smaller.
    turned = affine.transform_points(affine.rotation(90, (3, 2)), [[3, 2], [5, 2]])
    np.testing.assert_allclose(turned, [[3, 2], [3, 0]], atol=1e-12)


def test_a_flip_exchanges_the_first_pixel_and_the_last():
    flipped = affine.transform_points(affine.horizontal_flip(64), np.array([[0.0, 5], [63, 9], [31.5, 1]]))
    assert flipped.tolist() == [[63, 5], [0, 9], [31.5, 1]]


def test_scaling_and_translation():
    points = np.array([[3.0, 2], [4, 5]])
    np.testing.assert_allclose(affine.transform_points(affine.scaling(2, (3, 2)), points), [[3, 2], [5, 8]])
    np.testing.assert_allclose(affine.transform_points(affine.translation(1, -1), points), [[4, 1], [5, 4]])
    assert np.array_equal(affine.transform_points(affine.identity(), points), points)


def test_an_image_reaches_half_a_pixel_beyond_the_centres_of_its_outermost_pixels():
    points = np.array([[-0.5, 2.5], [-0.6, 0], [7.5, -0.5], [7.6, 0], [0, 2.6], [np.nan, 0]])
    assert affine.is_inside(points, (3, 8)).tolist() == [True, False, True, False, False, False]


def test_compose_applies_the_first_matrix_first(rng):
    points = 100 * rng.random((4, 3, 2))
    expected = points
    for matrix in EACH.values():
        expected = affine.transform_points(matrix, expected)
    np.testing.assert_allclose(affine.transform_points(affine.compose(*EACH.values()), points), expected, rtol=1e-12)
    one = affine.compose(EACH["crop"])
    assert np.array_equal(one, EACH["crop"]) and one is not EACH["crop"]


@pytest.mark.parametrize("name", EACH)
def test_the_inverse_leads_back(name, rng):
    points = 2000 * rng.random((50, 2))
    back = affine.transform_points(affine.invert(EACH[name]), affine.transform_points(EACH[name], points))
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_float32_points_stay_float32(rng):
    points = rng.random((5, 2), np.float32)
    assert affine.transform_points(EACH["crop"], points).dtype == np.float32
    assert affine.transform_points(EACH["crop"], np.array([[1, 2]])).dtype == np.float64


@pytest.mark.parametrize("box", [(10, 20, 70, 80), (10, 20, 40, 80), (10, 20, 70, 31)])
@pytest.mark.parametrize("size", [1, 64, 65])
def test_the_edges_of_the_box_fall_on_the_edges_of_the_crop(box, size):
    left, top, right, bottom = box
    corners = affine.transform_points(affine.box_to_square(box, size), [[left, top], [right, bottom]])
    # The longer side fills the crop, whose pixels span -0.5 to size - 0.5; the shorter one is in the middle.
    longer = int(bottom - top > right - left)
    np.testing.assert_allclose(corners[:, longer], [-0.5, size - 0.5], atol=1e-9)
    np.testing.assert_allclose(corners.mean(axis=0), (size - 1) / 2, atol=1e-9)


def test_a_whole_square_image_as_a_box_is_the_identity_and_a_margin_makes_it_smaller():
    np.testing.assert_allclose(affine.box_to_square((-0.5, -0.5, 63.5, 63.5), 64), affine.identity(), atol=1e-12)
    wide = affine.image_to_square((20, 40), 10)  # left and right edge on those of the square, and room above and below
    np.testing.assert_allclose(
        affine.transform_points(wide, np.array([[-0.5, -0.5], [39.5, 19.5]])), [[-0.5, 2], [9.5, 7]], atol=1e-12
    )
    assert affine.box_to_square((-0.5, -0.5, 63.5, 63.5), 64, margin=0.5)[0, 0] == 0.5


@pytest.mark.parametrize(("call", "message"), [
    (lambda: affine.compose(), "there is no matrix"),
    (lambda: affine.compose(np.eye(3)), r"compose: matrix must have shape \(2, 3\), got \(3, 3\)"),
    (lambda: affine.invert([[1, 2, np.nan], [0, 1, 0]]), "invert: matrix must be finite"),
    (lambda: affine.invert([[1, 2, 0], [2, 4, 0]]), "invert: matrix .* is singular"),
    (lambda: affine.invert([[0.1, 0.3, 0], [0.3, 0.9, 0]]), "singular"),
    (lambda: affine.invert(np.zeros((2, 3))), "singular"),
    (lambda: affine.transform_points(affine.identity(), [1, 2, 3]), r"must have shape \(\.\.\., 2\), got \(3,\)"),
    (lambda: affine.transform_points(affine.identity(), [[1, np.inf]]), "points must be finite"),
    (lambda: affine.rotation(np.inf, (0, 0)), "rotation: degrees must be finite"),
    (lambda: affine.rotation(3, 4), r"rotation: centre must be two numbers \(x, y\)"),
    (lambda: affine.scaling(0, (0, 0)), "scaling: factor must be positive"),
    (lambda: affine.horizontal_flip(0), "horizontal_flip: width must be at least 1"),
    (lambda: affine.box_to_square((0, 0, 0, 5), 8), "right edge beyond its left one"),
    (lambda: affine.box_to_square((0, 0, np.nan, 5), 8), "box must be four finite numbers"),
    (lambda: affine.box_to_square((0, 0, 5, 5), 8, margin=-0.1), "margin must be at least 0"),
])  # fmt: skip
def test_a_wrong_call_is_told_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_tiny_or_huge_scale_is_not_singular():
    for factor in (1e-9, 1e9):
        matrix = affine.scaling(factor, (0, 0))
        np.testing.assert_allclose(affine.compose(matrix, affine.invert(matrix)), affine.identity(), atol=1e-9)
