import subprocess
import sys

import numpy as np
import pytest

from tests.data.drawing.interpreted import render, rows, table

WHITE = (255, 255, 255)


def canvas(height=23, width=31):
    return np.zeros((height, width, 3), dtype=np.uint8)


def disc(image, centre, radius, colour=WHITE):
    shapes = table()
    render.add_disc(shapes, *centre, radius, colour, 0)
    render.paint_shapes(image, shapes)


def rectangle(image, left, top, right, bottom, colour):
    shapes = table()
    render.add_rectangle(shapes, left, top, right, bottom, colour, 0)
    render.paint_shapes(image, shapes)


def centroid(image):
    """Centre of mass (x, y) of the first channel."""
    mass = image[..., 0].astype(np.float64)
    rows, columns = np.indices(mass.shape)
    return np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()


@pytest.mark.parametrize("seed", range(5))
def test_a_disc_lies_at_its_real_valued_centre(seed):
    generator = np.random.default_rng(seed)
    centre = generator.uniform((8, 7), (22, 15))
    radius = generator.uniform(2, 6)
    image = canvas()
    disc(image, centre, radius)
    np.testing.assert_allclose(centroid(image), centre, atol=0.03)
    assert image[..., 0].sum() / 255 == pytest.approx(np.pi * radius**2, rel=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_a_line_lies_around_its_middle_and_has_its_area(seed):
    generator = np.random.default_rng(seed)
    start, end = generator.uniform((5, 5), (25, 17), (2, 2))
    radius = 1.5
    image, shapes = canvas(), table()
    render.add_line(shapes, *start, *end, radius, WHITE, 0)
    render.paint_shapes(image, shapes)
    np.testing.assert_allclose(centroid(image), (start + end) / 2, atol=0.06)
    area = np.pi * radius**2 + 2 * radius * np.linalg.norm(end - start)
    assert image[..., 0].sum() / 255 == pytest.approx(area, rel=0.05)
    assert len(rows(shapes)) == 0


def test_a_rectangle_covers_its_pixels_by_their_share():
    image = canvas(5, 7)
    rectangle(image, 1.25, 0.5, 4.5, 2.0, (200, 100, 40))
    # Columns 1 to 4 are covered by 1/4, 1, 1, 1 (pixel 1 reaches to 1.5), rows 1 and 2 by 1 and 1/2.
    share = np.zeros((5, 7))
    share[1, 1:5] = 0.25, 1, 1, 1
    share[2] = share[1] / 2
    np.testing.assert_array_equal(image, np.floor(share[..., None] * (200, 100, 40) + 0.5))


def test_a_rectangle_of_the_whole_image_starts_half_a_pixel_before_the_first_centre():
    image = canvas()
    rectangle(image, -0.5, -0.5, 30.5, 22.5, (7, 8, 9))
    assert (image == (7, 8, 9)).all()


def test_later_shapes_cover_earlier_ones():
    image, shapes = canvas(), table()
    render.add_disc(shapes, 15.0, 11.0, 6.0, (255, 0, 0), 0)
    render.add_disc(shapes, 15.0, 11.0, 3.0, (0, 255, 0), 0)
    render.paint_shapes(image, shapes)
    assert tuple(image[11, 15]) == (0, 255, 0)
    assert tuple(image[11, 20]) == (255, 0, 0)
    assert tuple(image[11, 22]) == (0, 0, 0)


@pytest.mark.parametrize("centre", [(-4.0, 5.0), (33.0, -3.0), (15.0, 26.0), (2.0, 20.0)])
def test_what_is_outside_is_cut_off(centre):
    """The image is the middle of a larger one, so a write past its border shows there."""
    larger, reference = canvas(43, 51), canvas(43, 51)
    disc(larger[10:33, 10:41], centre, 6.0)
    disc(reference, np.array(centre) + 10, 6.0)
    inside = np.zeros((43, 51, 1), dtype=bool)
    inside[10:33, 10:41] = True
    assert (reference * inside).any() and (reference * ~inside).any()
    np.testing.assert_array_equal(larger, reference * inside)


@pytest.mark.parametrize("centre", [(1e9, -1e9), (-1e150, 1e150)])
def test_what_is_far_outside_is_not_drawn(centre):
    image = canvas()
    disc(image, centre, 6.0)
    assert not image.any()


def test_what_lies_in_a_shape():
    shapes = table()
    render.add_line(shapes, 2.0, 3.0, 6.0, 3.0, 1.0, WHITE, 0)
    render.add_rectangle(shapes, 1.0, 2.0, 4.0, 5.0, WHITE, 0)
    line, box = rows(shapes)
    assert render.contains(line, 4.0, 3.9) and render.contains(line, 1.1, 3.0)
    assert not render.contains(line, 4.0, 4.1) and not render.contains(line, 0.9, 3.0)
    assert not render.contains(line, 6.8, 3.8)
    assert render.contains(box, 1.1, 4.9) and not render.contains(box, 0.9, 4.0) and not render.contains(box, 2.0, 5.1)


def test_importing_the_data_does_not_import_numba():
    script = (
        "import sys, minipose; before = 'numba' in sys.modules; import minipose.data; "
        "sys.exit('numba' in sys.modules and not before)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
