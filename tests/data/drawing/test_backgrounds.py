import colorsys

import numpy as np
import pytest

from tests.data.drawing.interpreted import backgrounds, colours, numbers, render, rows, stream, strong_palettes, table


def test_the_hues_go_around_the_circle_of_colours():
    for hue, saturation, value in np.random.default_rng(0).random((50, 3)):
        expected = 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value))
        np.testing.assert_allclose(colours.from_hue(hue + 3, saturation, value), expected, atol=0.501)


@pytest.mark.parametrize("cue", range(5))
def test_colours_keep_away_from_all_of_a_palette(cue):
    palette, count = np.empty((3, 3)), 0
    for seed in range(60):
        colours.fill_palette(stream(seed), seed / 60, False, cue, palette)
        drawn = colours.contrasting(stream(seed + 1000), 40, False, palette)
        distances = np.linalg.norm(drawn[:, None] - palette, axis=-1)
        assert distances.min() >= colours.COLOUR_DISTANCE
        assert drawn.min() >= 0 and drawn.max() <= 255
        count += (drawn == 255).all(axis=1).sum()
    assert count < 0.02 * 60 * 40  # white, where nothing else is found


def test_the_rule_is_not_met_by_chance():
    drawn = np.random.default_rng(0).uniform(0, 255, (300, 1, 3))
    nearest = [np.linalg.norm(drawn - palette, axis=-1).min() for palette in strong_palettes(1, 100)]
    assert max(nearest) < colours.COLOUR_DISTANCE


def test_the_six_flat_colours():
    palette, seen = np.empty((3, 3)), set()
    for seed in range(60):
        colours.fill_palette(stream(seed), seed / 60, True, 0, palette)
        own = tuple(palette[0])
        others = {tuple(colour) for colour in colours.contrasting(stream(seed), 40, True, palette)}
        assert own not in others and len(others) in (5, 6)
        seen |= {own} | (others - {(255, 255, 255)})
    assert seen == {(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)} - {(0, 0, 0), (255, 255, 255)}


@pytest.mark.parametrize("more_discs, more_rectangles", [(0.5, 0.0), (0.75, 0.5), (0.25, 0.25)])
def test_the_number_of_discs_and_rectangles_is_as_promised(more_discs, more_rectangles):
    discs, rectangles = [], []
    for seed, palette in enumerate(strong_palettes(3, 1500)):
        shapes = table()
        backgrounds.clutter(stream(seed), shapes, 64, more_discs, more_rectangles, False, palette)
        discs.append((rows(shapes)[:, 0] == render.CAPSULE).sum())
        rectangles.append((rows(shapes)[:, 0] == render.RECTANGLE).sum())
    assert np.mean(discs) == pytest.approx(more_discs / (1 - more_discs), rel=0.12, abs=0.001)
    assert np.mean(rectangles) == pytest.approx(more_rectangles / (1 - more_rectangles), rel=0.12, abs=0.001)
    assert min(discs) == min(rectangles) == 0


def test_clutter_is_where_and_as_large_as_promised():
    drawn = []
    for seed in range(300):
        shapes = table()
        backgrounds.clutter(stream(seed), shapes, 100, 0.75, 0.5, False, np.zeros((3, 3)))
        drawn.append(rows(shapes).copy())
    shapes = np.concatenate(drawn)
    discs = shapes[shapes[:, 0] == render.CAPSULE]
    assert 3 <= discs[:, 5].min() < 3.2 and 8.8 < discs[:, 5].max() <= 9
    rectangles = shapes[shapes[:, 0] == render.RECTANGLE]
    assert (rectangles[:, 1] <= rectangles[:, 3]).all() and (rectangles[:, 2] <= rectangles[:, 4]).all()
    for column in range(1, 5):
        assert shapes[:, column].min() >= -0.5 and shapes[:, column].max() <= 99.5
        assert shapes[:, column].min() < 5 and shapes[:, column].max() > 95


def test_the_discs_of_the_course_are_of_one_size():
    shapes = table()
    backgrounds.clutter(stream(1), shapes, 224, 0.95, 0.0, True, np.zeros((3, 3)))
    assert len(rows(shapes)) > 0 and (rows(shapes)[:, 5] == 10).all()


def test_the_ground_is_chequered():
    image, shapes = np.zeros((96, 96, 3), dtype=np.uint8), table()
    backgrounds.ground(shapes, 96, 8.0, 79.5, np.full(3, 10.0), np.full(3, 200.0))
    render.paint_shapes(image, shapes)
    bright = image[84::8, 4::8, 0] > 100
    np.testing.assert_array_equal(bright, np.indices((2, 12)).sum(axis=0) % 2 == 0)
    assert not image[:79].any()


def test_no_background_takes_more_numbers_or_rows_than_there_are():
    most = 0
    for seed in range(40):
        shapes, numbers_of_one = table(), stream(seed)
        backgrounds.platform(numbers_of_one, shapes, 32, np.zeros((3, 3)))
        backgrounds.clutter(numbers_of_one, shapes, 32, 0.25, 0.25, False, np.zeros((3, 3)))
        most = max(most, numbers_of_one[1][0])
    assert 60 < most < 600
    # The longest of all: no number ends a row of discs, and every colour is drawn as often as can be.
    shapes, numbers_of_one = table(), (np.full(2048, 1e-9), np.zeros(1, dtype=np.int64))
    backgrounds.clutter(numbers_of_one, shapes, 32, 0.75, 0.5, False, np.zeros((3, 3)))
    assert numbers_of_one[1][0] < 1024 - 100 and len(rows(shapes)) < 256


def test_random_numbers():
    drawn = [numbers.triangular(stream(seed), -25.0, 8.0, 55.0) for seed in range(2000)]
    assert -25 <= min(drawn) < -20 and 50 < max(drawn) <= 55
    assert np.mean(drawn) == pytest.approx((-25 + 8 + 55) / 3, abs=1)
    assert np.mean(np.array(drawn) < 8) == pytest.approx(33 / 80, abs=0.03)
    whole = [numbers.integer(stream(seed), 2, 5) for seed in range(300)]
    assert {*whole} == {2, 3, 4} and min(map(whole.count, (2, 3, 4))) > 70
