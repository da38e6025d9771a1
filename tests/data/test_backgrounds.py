import colorsys

import numpy as np
import pytest

from minipose.data import backgrounds, render


def strong_colours(seed, count):
    generator = np.random.default_rng(seed)
    return [255 * np.array(colorsys.hsv_to_rgb(*generator.uniform((0, 0.8, 0.9), 1))) for _ in range(count)]


def test_colours_keep_away_from_any_strong_colour():
    generator = np.random.default_rng(0)
    for colour in strong_colours(1, 100):
        drawn = backgrounds.contrasting_colours(generator, 300, colour)
        assert np.linalg.norm(drawn - colour, axis=1).min() >= backgrounds.COLOUR_DISTANCE
        assert drawn.min() >= 0 and drawn.max() <= 255


def test_the_rule_is_not_met_by_chance():
    colours = np.random.default_rng(0).uniform(0, 255, (300, 3))
    nearest = [np.linalg.norm(colours - colour, axis=1).min() for colour in strong_colours(1, 100)]
    assert max(nearest) < backgrounds.COLOUR_DISTANCE


@pytest.mark.parametrize("more_discs, more_rectangles", [(0.5, 0.0), (0.75, 0.5), (0.25, 0.25)])
def test_the_number_of_discs_and_rectangles_is_as_promised(more_discs, more_rectangles):
    generator = np.random.default_rng(2)
    discs, rectangles = [], []
    for colour in strong_colours(3, 2000):
        shapes = backgrounds.clutter(generator, 64, more_discs, more_rectangles, colour)
        discs.append((shapes[:, 0] == render.CAPSULE).sum())
        rectangles.append((shapes[:, 0] == render.RECTANGLE).sum())
    assert np.mean(discs) == pytest.approx(more_discs / (1 - more_discs), rel=0.12, abs=0.001)
    assert np.mean(rectangles) == pytest.approx(more_rectangles / (1 - more_rectangles), rel=0.12, abs=0.001)
    assert min(discs) == min(rectangles) == 0


def test_clutter_is_where_and_as_large_as_promised():
    shapes = np.concatenate([backgrounds.clutter(np.random.default_rng(seed), 100, 0.75, 0.5, np.zeros(3))
                             for seed in range(300)])  # fmt: skip
    discs = shapes[shapes[:, 0] == render.CAPSULE]
    assert discs[:, 5].min() >= 3 and discs[:, 5].max() <= 9
    rectangles = shapes[shapes[:, 0] == render.RECTANGLE]
    assert (rectangles[:, 1] <= rectangles[:, 3]).all() and (rectangles[:, 2] <= rectangles[:, 4]).all()
    for column in range(1, 5):
        assert shapes[:, column].min() >= -0.5 and shapes[:, column].max() <= 99.5
        assert shapes[:, column].min() < 5 and shapes[:, column].max() > 95


@pytest.mark.parametrize("size", [48, 64, 131])
def test_the_platform_fills_the_image_and_never_looks_like_the_figure(size):
    for seed, colour in enumerate(strong_colours(4, 30)):
        image = np.full((size, size, 3), colour.astype(np.uint8))
        render.draw(image, backgrounds.platform(np.random.default_rng(seed), size, colour))
        distance = np.linalg.norm(image.astype(float) - colour, axis=2)
        assert distance.min() > 40  # mixtures of two contrasting colours come closer than either
        assert np.unique(image.reshape(-1, 3), axis=0).shape[0] > 20


def test_the_ground_is_chequered():
    shapes = backgrounds._ground(96, 8.0, 79.5, np.array([[10.0, 10, 10], [200, 200, 200]]))
    image = np.zeros((96, 96, 3), dtype=np.uint8)
    render.draw(image, shapes)
    bright = image[84::8, 4::8, 0] > 100
    np.testing.assert_array_equal(bright, np.indices((2, 12)).sum(axis=0) % 2 == 0)
    assert not image[:79].any()
