import numpy as np
import pytest

from minipose.data.stickmen import CUES, PLACEMENTS, SETS, STYLES, compiled_painter
from tests.data.drawing.interpreted import colours, decoys, figure, render, scene, table


def draw(painter, set_index, options, count=2, size=32, poses=None):
    generator = np.random.default_rng((set_index, *options))
    numbers, normals = generator.random((count, 1024)), generator.standard_normal((count, 3, 15))
    images, visible = np.zeros((count, size, size, 3), np.uint8), np.zeros((count, 3, 16), np.uint8)
    people = np.zeros((count, 3, 16, 2)) if poses is None else poses.copy()
    counts, facings = np.zeros(count, np.int64), np.zeros((count, 3), np.int64)
    sets = np.full(count, set_index)
    painter(images, people, visible, counts, facings, sets, numbers, normals, options, 0.3)
    return images, people, visible, counts, facings


@pytest.mark.parametrize("set_index", range(9))
def test_the_compiled_code_draws_what_its_python_source_says(set_index):
    for case in range(5):
        options = (case % 2, 3 if case % 2 else case // 2, case, case % 2, 0)
        compiled, interpreted = (draw(f, set_index, options) for f in (compiled_painter(), scene.draw_scenes))
        assert interpreted[0].any()
        # A compiler may fuse a product and a sum, which can tip a value that lies on the edge between two.
        np.testing.assert_allclose(compiled[0].astype(int), interpreted[0], atol=1)
        assert list(compiled[3]) == list(interpreted[3])
        for count, *both in zip(interpreted[3], compiled[1], interpreted[1], compiled[2], interpreted[2], strict=True):
            np.testing.assert_allclose(both[0][:count], both[1][:count], atol=1e-9)
            np.testing.assert_array_equal(both[2][:count], both[3][:count])
        np.testing.assert_array_equal(compiled[4], interpreted[4])


def test_the_names_are_in_the_order_of_the_numbers():
    assert [getattr(scene, name.upper()) for name in SETS[:-1]] == [*range(9)]
    cues = {"front": colours.FRONT, "shade": colours.SHADED, "color": colours.COLOURED, "face": colours.FACE}
    assert {**cues, "none": colours.NONE} == {name: number for number, name in enumerate(CUES)}
    assert [getattr(figure, f"PLACE_{name.upper()}") for name in PLACEMENTS] == [0, 1, 2] and figure.PLACE_COURSE == 3
    assert STYLES[1] == "course"


def hidden(shapes, layer, half_width=2.0):
    """Whether a joint at (0, 0) in this layer is hidden."""
    visible, points = np.zeros(16, np.uint8), np.zeros((16, 2))
    visible[4] = 2
    decoys.set_hidden(points, np.full(16, layer), half_width, shapes, visible)
    assert not visible[:4].any() and not visible[5:].any()
    return visible[4] == 1


@pytest.mark.parametrize("edge, expected", [(0.3, True), (-0.3, False)])
def test_more_than_half_of_the_disc_must_be_covered(edge, expected):
    shapes = table()
    render.add_rectangle(shapes, -9.0, -9.0, edge, 9.0, (1, 1, 1), 5)
    assert hidden(shapes, 4) == expected
    assert not hidden(shapes, 5)  # its own layer hides nothing, and what is behind it neither


def test_two_shapes_cover_together():
    shapes = table()
    render.add_rectangle(shapes, -9.0, -9.0, -0.4, 9.0, (1, 1, 1), 5)
    assert not hidden(shapes, 4)
    render.add_rectangle(shapes, 0.4, -9.0, 9.0, 9.0, (1, 1, 1), 6)
    assert hidden(shapes, 4)
    assert not hidden(shapes, 5)


def test_a_disc_that_is_smaller_than_the_joint_hides_it_by_its_area():
    for radius, expected in ((1.6, True), (1.2, False)):  # 64 % and 36 % of the joint's
        shapes = table()
        render.add_disc(shapes, 0.0, 0.0, radius, (1, 1, 1), 5)
        assert hidden(shapes, 4) == expected


@pytest.mark.parametrize("placement", [figure.PLACE_FREE, figure.PLACE_FIT_ANISO])
@pytest.mark.parametrize("size", [32, 64])
def test_occluders_hide_one_to_four_joints_that_were_visible(placement, size, monkeypatch):
    numbers = []

    def recorded(*arguments):
        before = decoys.count_visible(arguments[5])
        decoys.add_occluders(*arguments)
        numbers.append(before - decoys.count_visible(arguments[5]))

    monkeypatch.setattr(scene, "add_occluders", recorded)
    monkeypatch.setattr(scene, "paint_shapes", lambda image, shapes: shapes[1].fill(0))
    draw(scene.draw_scenes, scene.OCCLUDED, (0, placement, 0, 0, 0), count=60, size=size)
    assert {*numbers} == {1, 2, 3, 4}
