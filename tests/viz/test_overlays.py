"""The pictures cannot lie: everything is looked up in the pixels of the written file."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from minipose.pose import STICK_FIGURE
from minipose.viz import draw_skeleton, heatmap_sheet, overlays, prediction_sheet, show_image

HEIGHT, WIDTH, SCALE = 31, 47, 8
BACKGROUND = (20, 30, 40)
WHITE = (255, 255, 255)
COLOURS = {
    **dict.fromkeys(STICK_FIGURE.right, "#D55E00"),
    **dict.fromkeys(STICK_FIGURE.left, "#56B4E9"),
    **dict.fromkeys((6, 7, 8, 9), "#F0E442"),
}


def rgb(colour):
    return np.round(255 * np.array(to_rgb(colour))).astype(int)


def picture(path):
    return np.round(255 * imread(path)[..., :3]).astype(int)


def is_colour(pixels, colour):
    return (np.abs(pixels - np.array(colour)) <= 1).all(axis=-1)


def spread_points(seed, low_y, high_y, height=HEIGHT, width=WIDTH):
    """16 points whose dots do not touch, at random fractions of a pixel, with y in a range."""
    generator = np.random.default_rng(seed)
    columns = np.linspace(3, width - 4, 8)
    rows = np.linspace(low_y, high_y, 2)
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(16, 2) + generator.uniform(-0.9, 0.9, (16, 2))
    return generator.permutation(points)


def drawn(tmp_path, points, visible=None, image=None):
    """The pixels of a picture in which each image pixel is SCALE x SCALE, and nothing is around the image."""
    figure = Figure(figsize=(WIDTH * SCALE / 64, HEIGHT * SCALE / 64), dpi=64)
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8) if image is None else image)
    if points is not None:
        draw_skeleton(axes, points, visible, dot_size=20, line_width=4)
    FigureCanvasAgg(figure).print_png(tmp_path / "drawn.png")
    pixels = picture(tmp_path / "drawn.png")
    assert pixels.shape == (HEIGHT * SCALE, WIDTH * SCALE, 3)
    return pixels


def at(pixels, point, scale=SCALE, corner=(0, 0)):
    """The picture's pixel at an image position (x, y); image position -0.5 is the left edge of the first one."""
    x, y = np.floor((np.asarray(point) + 0.5) * scale).astype(int)
    return pixels[corner[0] + y, corner[1] + x]


def runs(mask):
    """(start, stop) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return edges.reshape(-1, 2).tolist()


def panels(pixels, colour):
    """The rectangles (top, bottom, left, right) of panels of an image of one colour, by rows, then columns."""
    mask = is_colour(pixels, colour)
    # Text has a few pixels of almost any grey; a panel has many in a row.
    return [
        (top, bottom, left, right)
        for top, bottom in runs(mask.sum(axis=1) > 50)
        for left, right in runs(mask[top:bottom].sum(axis=0) > 50)
    ]


@pytest.fixture
def figures(monkeypatch):
    """The figures that the sheets save, whose texts can be read."""
    saved = []
    save_png = overlays.save_png
    monkeypatch.setattr(overlays, "save_png", lambda figure, path: (saved.append(figure), save_png(figure, path)))
    return saved


def texts(figure):
    """Each text with its place (x, y) in pixels from the top left."""
    width, height = figure.canvas.get_width_height()
    return [(t.get_text(), t.get_position()[0] * width, (1 - t.get_position()[1]) * height) for t in figure.texts]


@pytest.mark.parametrize(("row", "column"), [(0, 0), (5, 41), (30, 46)])
def test_each_image_pixel_fills_its_square(tmp_path, row, column):
    image = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
    image[row, column] = 200, 100, 50
    expected = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    np.testing.assert_array_equal(drawn(tmp_path, None, image=image), expected)


@pytest.mark.parametrize("joint", range(16))
def test_a_joint_lies_where_its_coordinates_say(tmp_path, joint):
    points = spread_points(joint, 4, 26)
    pixels = drawn(tmp_path, points, np.eye(16, dtype=np.uint8)[joint] * 2)
    y, x = np.nonzero(is_colour(pixels, rgb(COLOURS[joint])))
    centre = (np.array([x.mean(), y.mean()]) + 0.5) / SCALE - 0.5
    np.testing.assert_allclose(centre, points[joint], atol=0.03)
    # Nothing else is drawn: one disc around it, no other joint, no limb.
    assert np.hypot(x - x.mean(), y - y.mean()).max() < 1.5 * SCALE


def test_limbs_join_their_joints_in_the_colour_of_their_side(tmp_path):
    points = spread_points(0, 4, 26)
    for link in STICK_FIGURE.links:
        visible = np.zeros(16, int)
        visible[list(link)] = 2
        pixels = drawn(tmp_path, points, visible)
        side = next((joint for joint in link if COLOURS[joint] != COLOURS[6]), 6)
        for fraction in (0.35, 0.5, 0.65):
            on_limb = (1 - fraction) * points[link[0]] + fraction * points[link[1]]
            assert is_colour(at(pixels, on_limb), rgb(COLOURS[side])), link


def test_an_unlabelled_joint_takes_its_limbs_with_it(tmp_path):
    points = spread_points(1, 4, 26)
    visible = np.full(16, 2)
    visible[[0, 2]] = 0  # ankle and hip: the knee between them remains, without limbs
    pixels = drawn(tmp_path, points, np.where(np.isin(np.arange(16), (0, 1, 2)), visible, 0))
    others = np.hypot(*np.indices(pixels.shape[:2])[::-1] - (points[1][:, None, None] + 0.5) * SCALE) > 1.7 * SCALE
    assert is_colour(pixels[others], BACKGROUND).all()
    assert is_colour(at(pixels, points[1]), rgb(COLOURS[1]))


def test_hidden_joints_are_hollow(tmp_path):
    points = spread_points(2, 4, 26)
    visible = np.random.default_rng(3).permutation([1, 2] * 8)
    pixels = drawn(tmp_path, points, visible)
    for joint in range(16):
        inside = WHITE if visible[joint] == 1 else rgb(COLOURS[joint])
        assert is_colour(at(pixels, points[joint]), inside), joint
        around = pixels[tuple(slice(int(c * SCALE) - SCALE, int(c * SCALE) + 2 * SCALE) for c in points[joint][::-1])]
        assert is_colour(around, rgb(COLOURS[joint])).sum() > 20, joint


def test_points_off_the_image_do_not_move_it(tmp_path):
    points = np.full((16, 2), 5.0)
    points[0] = -300, 900
    image = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels = drawn(tmp_path, points, image=image)
    np.testing.assert_array_equal(pixels[SCALE // 2 :: SCALE, -SCALE // 2 :: SCALE][:, 0], image[:, -1])


def test_sheet_has_the_truth_on_the_left_and_the_prediction_on_the_right(tmp_path, figures):
    height, width, scale = 47, 61, 4
    colours = [(20, 30, 40), (200, 220, 210), (90, 20, 120)]
    images = np.array([np.full((height, width, 3), colour, np.uint8) for colour in colours])
    # The truth keeps to the upper half of the image, and the prediction to the lower one.
    true = np.array([spread_points(seed, 4, 18, height, width) for seed in range(3)])
    predicted = np.array([spread_points(seed, 28, 42, height, width) for seed in range(3, 6)])
    visible = np.random.default_rng(0).integers(1, 3, (3, 16))
    path = tmp_path / "sheet.png"
    prediction_sheet(images, true, predicted, path, visible, titles=["one", "two", "three"], columns=2)
    pixels = picture(path)
    labels = texts(figures[0])
    lefts = []
    for index, colour in enumerate(colours):
        (*left_panel,), (*right_panel,) = panels(pixels, colour)
        for panel, points, name, empty_half in (
            (left_panel, true, "true", slice(24 * scale, None)),
            (right_panel, predicted, "predicted", slice(0, 22 * scale)),
        ):
            top, bottom, left, right = panel
            assert (bottom - top, right - left) == (height * scale, width * scale)
            assert is_colour(pixels[top:bottom, left:right][empty_half], colour).all()
            for joint in range(16):
                is_hidden = name == "true" and visible[index, joint] == 1
                inside = WHITE if is_hidden else rgb(COLOURS[joint])
                dot = at(pixels, points[index, joint], scale, (top, left))
                assert is_colour(dot, inside), (index, name, joint)
            assert any(text == name and x == pytest.approx(left) and 0 < top - y < 12 for text, x, y in labels)
        error = np.linalg.norm(true[index] - predicted[index], axis=1).mean()
        caption = f"{('one', 'two', 'three')[index]}: mean error {error:.2f} px"
        assert any(text == caption and x == pytest.approx(left_panel[2]) for text, x, _ in labels)
        lefts.append((left_panel[0], left_panel[2]))
    assert lefts[0][0] == lefts[1][0] < lefts[2][0] and lefts[0][1] == lefts[2][1] < lefts[1][1]


def test_caption_counts_labelled_joints_only_and_names_those_outside(tmp_path, figures):
    images = np.zeros((2, 20, 30, 3), np.uint8)
    true = np.full((2, 16, 2), 7.0)
    predicted = true.copy()
    predicted[0, :4] += (3, 4)
    predicted[0, 9:14] = (29.6, 5), (5, 19.6), (-0.6, 5), (29.4, 19.4), (-0.4, -0.4)  # the last two are inside
    visible = np.zeros((2, 16), np.uint8)
    visible[0, 2:6] = 2
    prediction_sheet(images, true, predicted, tmp_path / "sheet.png", visible)
    captions = [text for text, _, _ in texts(figures[0])]
    assert "image 0: mean error 2.50 px, 3 predicted outside" in captions
    assert "image 1: no joint labelled" in captions


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("joint", [0, 5, 11, 14])
def test_a_hot_cell_lies_over_its_pixels(tmp_path, figures, joint, stride):
    map_height, map_width = 11, 13
    row, column = 2, 9
    maps = np.zeros((16, map_height, map_width), np.float32)
    maps[joint, row, column] = 0.625
    image = np.full((map_height * stride, map_width * stride, 3), (40, 50, 60), np.uint8)
    path = tmp_path / "maps.png"
    heatmap_sheet(image, maps, path, stride)
    pixels = picture(path)
    grey = (50, 50, 50)
    places = panels(pixels, grey)
    assert len(places) == 16
    scale = 256 // max(image.shape)
    for place, (top, bottom, left, right) in enumerate(places):
        panel = pixels[top:bottom, left:right]
        assert panel.shape == (image.shape[0] * scale, image.shape[1] * scale, 3)
        hot = ~is_colour(panel, grey)
        if place == joint:
            size = stride * scale
            rows, columns = (np.flatnonzero(hot.any(axis)) for axis in (1, 0))
            edges = np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1])
            expected = np.array([row, row + 1, column, column + 1]) * size
            assert abs(edges - expected).max() <= 1  # matplotlib before 3.11 rounds one screen pixel further
            assert hot.sum() == len(rows) * len(columns)
            title = f"{STICK_FIGURE.names[joint].replace('_', ' ')}, peak 0.625"
            ((x, y),) = [(x, y) for text, x, y in texts(figures[0]) if text == title]
            assert x == pytest.approx(left) and 0 < top - y < 12
        else:
            assert not hot.any()


def test_crosses_mark_the_true_joints(tmp_path):
    points = spread_points(5, 4, 26)
    image = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    maps = np.zeros((16, HEIGHT, WIDTH))
    heatmap_sheet(image, maps, tmp_path / "maps.png", 1, points)
    pixels = picture(tmp_path / "maps.png")
    for joint, (top, bottom, left, right) in enumerate(panels(pixels, (50, 50, 50))):
        y, x = np.nonzero(is_colour(pixels[top:bottom, left:right], WHITE))
        centre = (np.array([x.min() + x.max(), y.min() + y.max()]) / 2 + 0.5) / 5 - 0.5
        np.testing.assert_allclose(centre, points[joint], atol=0.25)


def test_weak_maps_look_weaker_than_strong_ones(tmp_path):
    maps = np.zeros((16, 8, 8))
    maps[3, 2, 2], maps[4, 2, 2], maps[5, 2, 2] = 0.9, 0.1, -0.9
    heatmap_sheet(np.zeros((16, 16, 3), np.uint8), maps, tmp_path / "maps.png", 2)
    pixels = picture(tmp_path / "maps.png")
    corners = [(top, left) for top, _, left, _ in panels(pixels, (0, 0, 0))]
    strong, weak, negative = (at(pixels, (4.5, 4.5), 16, corners[joint]).sum() for joint in (3, 4, 5))
    assert strong > 2 * weak > 0 and negative == 0


def test_files_are_the_same_each_time_and_need_no_pyplot(tmp_path):
    script = (
        "import sys, numpy as np, minipose; assert 'matplotlib' not in sys.modules;"
        "from minipose.viz import prediction_sheet; poses = np.full((1, 16, 2), 7);"
        f"prediction_sheet(np.zeros((1, 9, 9, 3), np.uint8), poses, poses, r'{tmp_path / 'a.png'}');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    poses = np.full((1, 16, 2), 7)
    prediction_sheet(np.zeros((1, 9, 9, 3), np.uint8), poses, poses, tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == content
    assert b"atplotlib" not in content  # its version would change the file without changing the picture


def with_nan(array):
    array = array.astype(float)
    array.flat[5] = np.nan
    return array


POSES, IMAGES, MAPS = np.full((2, 16, 2), 7.0), np.zeros((2, 20, 28, 3), np.uint8), np.zeros((16, 10, 14), np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES / 255}, "images must be uint8, 0 to 255, got dtype float64"),
        ({"images": IMAGES[0]}, "images must have shape (N, H, W, 3) and not be empty, got (20, 28, 3)"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, "got (2, 3, 20, 28)"),
        ({"images": IMAGES[:0]}, "not be empty"),
        ({"true_points": POSES[:1]}, "true_points must have shape (N, 16, 2) = (2, 16, 2), got (1, 16, 2)"),
        ({"predicted_points": POSES[:, :15]}, "predicted_points must have shape (N, 16, 2) = (2, 16, 2)"),
        ({"predicted_points": POSES.reshape(2, 32)}, "got (2, 32)"),
        ({"predicted_points": with_nan(POSES)}, "predicted_points hold NaN or infinity"),
        ({"true_points": POSES.astype(complex)}, "true_points must be real numbers"),
        ({"visible": np.ones((2, 16), bool)}, "visible must hold the integers 0 (unlabelled), 1 (hidden)"),
        ({"visible": np.full((2, 16), 3)}, "got [3] of dtype int64"),
        ({"visible": np.ones((16,), int)}, "visible must have one flag a joint, shape (2, 16), got (16,)"),
        ({"titles": ["one"]}, "titles must be one a image, N=2, got 1"),
        ({"columns": 0}, "columns must be an integer of at least 1, got 0"),
        ({"path": "sheet.jpg"}, "path must end in .png, got 'sheet.jpg'"),
    ],
)
def test_prediction_sheet_refuses(tmp_path, changes, message):
    arguments = {"images": IMAGES, "true_points": POSES, "predicted_points": POSES, "path": tmp_path / "x.png"}
    with pytest.raises(ValueError, match=f"^prediction_sheet: .*{re.escape(message)}"):
        prediction_sheet(**(arguments | changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": IMAGES[0].astype(np.float32)}, "image must be uint8"),
        ({"image": IMAGES[0, ..., :1]}, "image must have shape (H, W, 3)"),
        ({"maps": MAPS[:15]}, "maps must have shape (16, h, w), got (15, 10, 14)"),
        ({"maps": MAPS.transpose(0, 2, 1)}, "maps have h=14 w=10, which at stride 2 is 28 x 20 pixels, but the image"),
        ({"maps": with_nan(MAPS)}, "maps must be finite floats"),
        ({"stride": 4}, "at stride 4 is 40 x 56 pixels, but the image has H=20 W=28"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"points": POSES}, "points must have shape (16, 2) = (16, 2), got (2, 16, 2)"),
        ({"points": with_nan(POSES[0])}, "points hold NaN or infinity"),
        ({"path": "sheet"}, "path must end in .png"),
    ],
)
def test_heatmap_sheet_refuses(tmp_path, changes, message):
    arguments = {"image": IMAGES[0], "maps": MAPS, "path": tmp_path / "x.png", "stride": 2}
    with pytest.raises(ValueError, match=f"^heatmap_sheet: .*{re.escape(message)}"):
        heatmap_sheet(**(arguments | changes))
    assert not list(tmp_path.iterdir())


def test_a_pose_is_never_drawn_upside_down():
    axes = Figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="y downwards; call show_image first"):
        draw_skeleton(axes, POSES[0])


def test_draw_skeleton_refuses_poses_that_are_not_the_skeletons():
    axes = Figure().add_axes((0, 0, 1, 1))
    show_image(axes, IMAGES[0])
    with pytest.raises(ValueError, match=r"draw_skeleton: points must have shape \(J, 2\) = \(16, 2\), got \(17, 2\)"):
        draw_skeleton(axes, np.zeros((17, 2)))
