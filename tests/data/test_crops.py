import re

import numpy as np
import pytest

from minipose.data import crop_squares, warp_image
from minipose.pose import affine

SIZE = 32


def matrix_of(centre, side, size):
    x, y = centre
    return affine.box_to_square((x - side / 2, y - side / 2, x + side / 2, y + side / 2), size)


def test_crops_are_those_of_warp_image(rng):
    images = rng.integers(0, 256, (3, 40, 50, 3), dtype=np.uint8)
    centres = rng.uniform((15, 15), (35, 25), (3, 2, 2))
    sides = np.array([11.0, 20.3, 29.0])  # all inside, and none shrunk, where the two average differently
    crops = crop_squares(images, centres, sides, SIZE)
    assert crops.shape == (3, 2, SIZE, SIZE, 3) and crops.dtype == np.uint8
    for n in range(3):
        for j in range(2):
            expected = warp_image(images[n], matrix_of(centres[n, j], sides[n], SIZE), SIZE)
            inside = slice(1, -1)  # warp_image rounds down, and leaves out what is half a pixel outside
            difference = crops[n, j].astype(int) - expected
            assert np.abs(difference[inside, inside]).max() <= 1


def test_whole_pixels_are_copied_and_outside_is_black(rng):
    image = rng.integers(1, 256, (1, 6, 8, 3), dtype=np.uint8)
    (left, whole), = crop_squares(image, np.array([[[-0.5, 1.5], [3.5, 2.5]]]), np.array([4.0]), 4)
    np.testing.assert_array_equal(whole, image[0, 1:5, 2:6])
    np.testing.assert_array_equal(left[:, 2:], image[0, 0:4, 0:2])
    assert not left[:, :2].any()
    assert not crop_squares(image, np.array([[[1e6, -1e6]]]), np.array([4.0]), 4).any()
    assert not crop_squares(image, np.array([[[3.5, 2.5]]]), np.array([1e12]), 4).any()  # of an estimate that is absurd


@pytest.mark.parametrize("side", [24, 37.7, 50])
def test_a_shrunk_pattern_becomes_its_mean(side):
    image = np.zeros((1, 60, 60, 3), np.uint8)
    image[:, ::2] = 200
    crop = crop_squares(image, np.full((1, 1, 2), 29.5), np.array([side]), 8)
    np.testing.assert_allclose(crop, 100, atol=12)
    flat = crop_squares(np.full_like(image, 77), np.full((1, 1, 2), 29.3), np.array([side]), 8)
    assert (flat == 77).all()  # weights sum to 1, however the pixels fall


def test_a_point_is_where_the_docstring_says():
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[0, 20, 30] = 255
    centre, side = np.array([27.0, 24.0]), 16.0
    crop = crop_squares(image, centre[None, None], np.array([side]), SIZE)[0, 0, :, :, 0].astype(float)
    y, x = ((crop * grid).sum() / crop.sum() for grid in np.mgrid[:SIZE, :SIZE])
    np.testing.assert_allclose((x, y), (SIZE - 1) / 2 + (np.array([30, 20]) - centre) * SIZE / side, atol=1e-9)


@pytest.mark.parametrize(("argument", "value", "message"), [
    ("images", np.zeros((2, 8, 8, 3), np.float32), "images must be uint8 of shape (N, H, W, 3), got float32 of"),
    ("centres", np.zeros((3, 5, 2)), "centres must be finite and of shape (N, J, 2) = (2, J, 2), got (3, 5, 2)"),
    ("centres", np.full((2, 5, 2), np.nan), "centres must be finite"),
    ("sides", np.array([1.0, 0.0]), "sides must be a positive length for each of 2 images, got [1. 0.]"),
    ("sides", np.ones(3), "sides must be a positive length for each of 2 images"),
    ("size", 0, "size must be at least 1, not 0"),
])  # fmt: skip
def test_wrong_arguments_are_named(argument, value, message):
    right = {"images": np.zeros((2, 8, 8, 3), np.uint8), "centres": np.zeros((2, 5, 2)), "sides": np.ones(2), "size": 4}
    with pytest.raises(ValueError, match=f"^crop_squares: {re.escape(message)}"):
        crop_squares(**right | {argument: value})
