import numpy as np
import pytest
from PIL import Image

from minipose.data import warp_image
from minipose.pose import affine

H, W = 43, 61
CENTRE = ((W - 1) / 2, (H - 1) / 2)
MATRICES = {
    "rotation": affine.rotation(25, CENTRE),
    "enlargement": affine.scaling(1.7, (10, 20)),
    "shrinking": affine.scaling(0.8, (10, 20)),
    "translation": affine.translation(3.3, -2.2),
    "flip": affine.horizontal_flip(W),
    "crop": affine.box_to_square((10, 5, 40, 38), size=50, margin=0.1),
    "all": affine.compose(affine.horizontal_flip(W), affine.rotation(-50, (30, 20)), affine.scaling(1.2, CENTRE)),
}


def coordinates(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y], axis=-1).astype(float)


@pytest.mark.parametrize("name", MATRICES)
def test_warps_agree_with_scipy(name, rng):
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy: pip install -e '.[oracle]'")
    image = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
    size = (50, 50) if name == "crop" else (H, W)
    source = affine.transform_points(affine.invert(MATRICES[name]), coordinates(*size))
    where = [source[..., 1], source[..., 0]]
    expected = np.stack(
        [ndimage.map_coordinates(image[..., c].astype(float), where, order=1) for c in range(3)], axis=-1
    )
    inside = ((source > 0) & (source < (W - 1, H - 1))).all(axis=-1)
    assert inside.mean() > 0.3
    difference = warp_image(image, MATRICES[name], size)[inside] - expected[inside]
    assert np.abs(difference).max() < 1.001  # rounded down


def test_turning_agrees_with_pillow(rng):
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    turned = np.asarray(Image.fromarray(image).rotate(30, Image.Resampling.BILINEAR))
    ours = warp_image(image, affine.rotation(30, (19.5, 19.5)), 40)
    assert np.abs(turned.astype(int) - ours)[10:30, 10:30].max() <= 1


@pytest.mark.parametrize("name", [*MATRICES, "small crop"])
def test_points_stay_on_the_pixels_they_mark(name):
    """Each of the channels has one soft spot, whose centre of mass is found again where its point went."""
    matrix = MATRICES.get(name, affine.box_to_square((-0.5, -9.5, 60.5, 51.5), size=24))
    size = {"crop": (50, 50), "small crop": (24, 24)}.get(name, (H, W))
    points = np.array([[24.0, 18.0], [31.3, 24.6], [27.5, 29.0]])
    offsets = coordinates(H, W)[:, :, None] - points
    image = np.round(250 * np.exp(-(offsets**2).sum(axis=-1) / 4)).astype(np.uint8)
    warped = warp_image(image, matrix, size).astype(float)
    weights = warped.reshape(-1, 3) / warped.sum(axis=(0, 1))
    found = weights.T @ coordinates(*size).reshape(-1, 2)
    np.testing.assert_allclose(found, affine.transform_points(matrix, points), atol=0.06)


def test_whole_pixels_move_exactly(rng):
    image = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
    same = warp_image(image, affine.identity(), (H, W))
    assert np.array_equal(same, image) and not np.shares_memory(same, image)
    assert np.array_equal(warp_image(image, affine.horizontal_flip(W), (H, W)), image[:, ::-1])
    assert np.array_equal(warp_image(image, affine.horizontal_flip(W), (H - 3, W)), image[:-3, ::-1])
    moved = warp_image(image, affine.translation(5, -3), (H, W), fill=(9, 8, 7))
    assert np.array_equal(moved[:-3, 5:], image[3:, :-5])
    assert (moved[-3:] == (9, 8, 7)).all() and (moved[:, :5] == (9, 8, 7)).all()
    assert np.array_equal(warp_image(image[:, ::-1], affine.horizontal_flip(W), (H, W)), image)


def test_a_large_image_is_shrunk_without_aliasing():
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    noise = np.random.default_rng(0).integers(0, 256, stripes.shape, dtype=np.uint8)
    for image in (stripes, noise):
        for matrix in (affine.box_to_square((99.5, 99.5, 1099.5, 1099.5), 64), affine.scaling(0.05, (0, 0))):
            shrunk = warp_image(image, matrix, 60).astype(float)
            assert abs(shrunk.mean() - 127) < 2 and shrunk.std() < 8  # that of each pixel is 127 and 74


def test_a_shrunk_step_stays_in_its_place():
    """The left 700 columns are black: half of their edge's pixel is white wherever the crop puts it."""
    image = np.zeros((1000, 1000, 3), np.uint8)
    image[:, 700:] = 255
    for size in (64, 100, 31):
        matrix = affine.box_to_square((300.2, 300.7, 900.2, 900.7), size)
        row = warp_image(image, matrix, size)[size // 2, :, 0]
        edge = size - 0.5 - row.sum() / 255
        assert abs(edge - affine.transform_points(matrix, [[699.5, 0]])[0, 0]) < 0.1


def test_a_result_that_shows_nothing_of_the_image_is_filled():
    image = np.full((20, 20, 3), 255, np.uint8)
    for factor in (0.1, 1.0):
        matrix = affine.compose(affine.scaling(factor, (0, 0)), affine.translation(900, 0))
        assert (warp_image(image, matrix, (5, 7), fill=3) == np.full((5, 7, 3), 3)).all()


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"image": np.zeros((5, 5, 3))}, TypeError, "image must be uint8"),
    ({"image": np.zeros((5, 5), np.uint8)}, ValueError, r"image must have shape \(H, W, 3\), got \(5, 5\)"),
    ({"image": np.zeros((0, 5, 3), np.uint8)}, ValueError, "at least one pixel"),
    ({"matrix": np.eye(3)}, ValueError, r"warp_image: matrix must have shape \(2, 3\)"),
    ({"matrix": np.zeros((2, 3))}, ValueError, "singular"),
    ({"size": 0}, ValueError, "size must be an integer of at least 1"),
    ({"fill": 256}, ValueError, "fill must be an integer from 0 to 255"),
    ({"fill": (1, 2)}, ValueError, "fill must be an integer from 0 to 255"),
])  # fmt: skip
def test_a_wrong_call_is_told_so(arguments, error, message):
    right = {"image": np.zeros((5, 5, 3), np.uint8), "matrix": affine.scaling(2, (0, 0)), "size": 5}
    with pytest.raises(error, match=message):
        warp_image(**{**right, **arguments})
