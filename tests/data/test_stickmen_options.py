"""What the sets, the placements, the cues and the styles of the stick figures show."""

import time

import numpy as np
import pytest

from minipose.data import SETS, StickFigures
from minipose.pose import STICK_FIGURE

LINKS, RIGHT, LEFT = np.array(STICK_FIGURE.links), list(STICK_FIGURE.right), list(STICK_FIGURE.left)
NAMES = STICK_FIGURE.names


def every_pixel(size):
    return np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)


def distance_from_figure(points, positions):
    """Distance (...) of positions (..., 2) from the nearest line of a figure, or from the outline of its head."""
    pixels = positions[..., None, :]
    starts, ends = points[LINKS].transpose(1, 0, 2)
    along = ends - starts
    position = np.clip(((pixels - starts) * along).sum(axis=-1) / (along**2).sum(axis=-1), 0, 1)
    lines = np.linalg.norm(pixels - starts - position[..., None] * along, axis=-1).min(axis=-1)
    head = np.linalg.norm(pixels[..., 0, :] - points[[8, 9]].mean(axis=0), axis=-1)
    return np.minimum(lines, head - np.linalg.norm(points[8] - points[9]) / 2)


def colours_at(image, points):
    columns, rows = np.clip(np.round(points).astype(int), 0, len(image) - 1).T
    return image[rows, columns].astype(int)


def head_colours(image, points):
    return colours_at(image, points[[8, 9]].mean(axis=0, keepdims=True))[0]


@pytest.mark.parametrize("set_name, least", [("circles", 60), ("shapes", 60), ("platform", 40), ("textures", 35)])
@pytest.mark.parametrize("size", [48, 131])
def test_the_background_never_looks_like_the_figure(set_name, least, size):
    batch = StickFigures(set_name, "test", size).batch(range(40))
    for image, points in zip(batch.images, batch.points, strict=True):
        away = distance_from_figure(points, every_pixel(size)) > size / 112 + 1.5
        difference = np.linalg.norm(image[away].astype(float) - head_colours(image, points), axis=-1)
        assert difference.min() > least  # mixtures of two contrasting colours come closer than either
        if set_name == "textures":
            assert difference.max() < 112


def test_textures_differ_and_fill_the_image():
    images = StickFigures("textures", "test").batch(range(200)).images.reshape(200, -1, 3)
    numbers = [len(np.unique(image, axis=0)) for image in images]
    assert min(numbers) > 5 and (images.max(axis=-1) > 0).all()
    assert np.median(images.std(axis=1).max(axis=-1)) > 8


def test_decoys_have_the_figures_colour_and_lie_beside_it():
    batch = StickFigures("decoys", "test").batch(range(60))
    amounts = []
    for image, points, visible in zip(batch.images, batch.points, batch.visible, strict=True):
        away = image[distance_from_figure(points, every_pixel(64)) > 2.1].astype(int)
        same = np.abs(away - head_colours(image, points)).max(axis=-1) == 0
        amounts.append(same.sum())
        # What is antialiased is a mixture with black.
        assert (away[~same].max(axis=-1) < 255).all() and (visible > 0).all()
    assert np.mean(np.array(amounts) > 20) > 0.9 and np.max(amounts) > 250
    # They lie behind the figure, and hide nothing of it.
    plain = StickFigures("plain", "test").batch(range(60)).visible
    assert (batch.visible == 1).mean() == pytest.approx((plain == 1).mean(), abs=0.01)


def test_occluders_hide_one_to_four_joints_and_the_flags_say_which():
    """At 256 pixels the nearest pixel to a joint has the figure's colour just where no occluder hides it."""
    batch = StickFigures("occluded", "test", size=256).batch(range(150))
    seen, visible = [], batch.visible == 2
    for image, points in zip(batch.images, batch.points, strict=True):
        at_joints = colours_at(image, points)
        kinds, numbers = np.unique(at_joints, axis=0, return_counts=True)
        seen.append(np.abs(at_joints - kinds[numbers.argmax()]).max(axis=-1) < 60)
    seen = np.array(seen)
    assert seen[visible].mean() > 0.99 and visible[~seen].mean() < 0.03
    hidden = (~seen).sum(axis=1)
    # An occluder may also lie over a joint that the figure hides itself, or over less than half of one.
    assert np.mean((hidden >= 1) & (hidden <= 4)) > 0.95 and 1.8 < hidden.mean() < 3
    flagged = (batch.visible == 1).sum(axis=1)
    plain = (StickFigures("plain", "test", size=256).batch(range(150)).visible == 1).sum(axis=1)
    assert flagged.min() >= 1 and flagged.mean() - plain.mean() == pytest.approx(2.5, abs=0.4)


def test_a_crowd_has_two_or_three_people_the_nearest_first():
    batch = StickFigures("crowd", "test", size=128).batch(range(150))
    counts = [len(people) for people in batch.people]
    assert {*counts} == {2, 3} and 50 < counts.count(2) < 100
    covered = 0
    for image, people, flags in zip(batch.images, batch.people, batch.people_visible, strict=True):
        assert (people > 0).all() and (people < 127).all() and {*flags.ravel()} <= {1, 2}
        heads = [head_colours(image, points) for points in people]
        first = colours_at(image, people[0])
        assert np.abs(first[flags[0] == 2] - heads[0]).max() < 0.25 * 255
        for points, visible in zip(people[1:], flags[1:], strict=True):
            on_first = distance_from_figure(people[0], points) < 0
            covered += on_first.sum()
            assert (visible[on_first] == 1).all()
    assert covered > 8


@pytest.mark.parametrize("placement, style", [("free", "minipose"), ("fit", "minipose"), ("free", "course")])
def test_the_figures_of_shift_are_small_and_anywhere(placement, style):
    points = StickFigures("shift", "test", 100, placement=placement, style=style).batch(range(300)).points
    extent = np.ptp(points, axis=1).max(axis=1)
    assert 0.1 * 100 < extent.min() < 20.5 and 30 < extent.max() <= 40
    assert points.mean(axis=1).std(axis=0).min() > 15


def test_placements():
    free, fit, aniso = (StickFigures("plain", "test", 100, placement=p).batch(range(300)).points
                        for p in ("free", "fit", "fit_aniso"))  # fmt: skip
    assert 35 < np.ptp(free, axis=1).max(axis=1).min() < np.ptp(free, axis=1).max() < 88
    assert free[:, 6].std(axis=0).min() > 8
    largest = np.ptp(fit, axis=1).max(axis=1)
    assert np.median(largest) > 80 and largest.max() < 86.01
    np.testing.assert_allclose(np.ptp(aniso, axis=1), 86, atol=1e-4)
    assert aniso.min() >= 6.49 and aniso.max() <= 92.51


@pytest.mark.parametrize("placement", ["free", "fit", "fit_aniso"])
@pytest.mark.parametrize("set_name", SETS)
def test_the_figure_is_the_same_for_every_cue_and_inside_the_image(set_name, placement):
    by_cue = [StickFigures(set_name, "val", 48, 30, cue=cue, placement=placement).batch(range(30))
              for cue in ("front", "shade", "color", "face", "none")]  # fmt: skip
    for batch in by_cue[1:]:
        np.testing.assert_array_equal(batch.points, by_cue[0].points)
    assert by_cue[0].points.min() >= 0.99 and by_cue[0].points.max() <= 46.01
    images = [batch.images.tobytes() for batch in by_cue]
    assert len({*images}) == 4 and images[0] == images[4]


def test_some_figures_face_away():
    figures = StickFigures("plain", "test", cue="none", back_p=0.3)
    batch = figures.batch(range(400))
    away = np.array(batch.facings) == "back"
    assert 90 < away.sum() < 150 and figures[5].facing == batch.facings[5]
    shoulders = batch.points[:, [NAMES.index("right_shoulder"), NAMES.index("left_shoulder")], 0]
    np.testing.assert_array_equal(shoulders[:, 0] > shoulders[:, 1], away)
    front = StickFigures("plain", "test", cue="none").batch(range(400))
    np.testing.assert_array_equal(front.points[~away], batch.points[~away])
    # One that faces away is the mirror image of the same figure, elsewhere in the image.
    before, after = (one.points[away] - one.points[away][:, 6:7] for one in (front, batch))
    np.testing.assert_allclose(after * (-1, 1), before, atol=1e-4)


@pytest.mark.parametrize("style", ["minipose", "course"])
def test_cues_colour_the_limbs(style):
    for cue in ("shade", "color"):
        batch = StickFigures("plain", "test", 128, cue=cue, back_p=0.5, style=style).batch(range(60))
        for image, points, visible in zip(batch.images, batch.points, batch.visible, strict=True):
            hands = [NAMES.index(name) for name in ("right_wrist", "left_wrist", "right_ankle", "left_ankle")]
            inward = points[hands] + 0.3 * (points[[11, 14, 1, 4]] - points[hands])
            colours = colours_at(image, inward)
            expected = np.array([(255, 128, 0), (51, 153, 255)] * 2)
            if cue == "shade":
                head = head_colours(image, points)
                expected = np.array([head, 0.45 * head] * 2)
            wrong = np.abs(colours - expected).max(axis=1) > 0.25 * 255
            assert wrong.sum() <= 1 + (visible == 1).any()  # a limb may lie behind another


def test_eyes_show_who_faces_the_viewer():
    """A patch around the middle of the head has black in it, or not."""
    batch = StickFigures("plain", "test", 128, cue="face", back_p=0.5).batch(range(100))
    for image, points, facing in zip(batch.images, batch.points, batch.facings, strict=True):
        middle, radius = points[[8, 9]].mean(axis=0), np.linalg.norm(points[8] - points[9]) / 2
        grid = np.stack(np.meshgrid(np.arange(128), np.arange(128)), axis=-1)
        face = image[np.linalg.norm(grid - middle, axis=-1) < 0.7 * radius].max(axis=-1)
        assert (face.min() < 100) == (facing == "front")


def test_poses_from_elsewhere_are_drawn_in_their_order():
    source = StickFigures("plain", "val").batch(range(5)).points
    figures = StickFigures("circles", "test", poses=source * 3 + 100, placement="fit")
    assert len(figures) == 5 and repr(figures).endswith("placement='fit', poses=<5>)")
    figures = StickFigures("circles", "test", count=12, poses=source * 3 + 100)
    batch = figures.batch(range(12))
    np.testing.assert_array_equal(figures.batch([7, 3]).points, batch.points[[7, 3]])
    for index, points in enumerate(batch.points):
        pose = source[index % 5]
        scale = np.ptp(points[:, 0]) / np.ptp(pose[:, 0])
        np.testing.assert_allclose(points - points[6], scale * (pose - pose[6]), atol=1e-3)
    turned = source * (-1, 1)
    both = StickFigures(poses=np.concatenate([source, turned])).batch(range(10))
    assert both.facings == ("front",) * 5 + ("back",) * 5


def test_missing_joints_are_not_drawn_and_flagged():
    source = StickFigures("plain", "val").batch(range(20)).points.reshape(20, 32).copy()
    source[:, 20:24] = -1  # right wrist and elbow
    for style in ("minipose", "course"):
        for set_name in SETS:
            batch = StickFigures(set_name, "test", poses=source, style=style).batch(range(20))
            assert (batch.points[:, [10, 11]] == -1).all() and not batch.visible[:, [10, 11]].any()
            assert (batch.visible[:, [*range(10), *range(12, 16)]] > 0).all()
    whole, some = (StickFigures("plain", poses=p, placement="fit_aniso").batch(range(20)).images.max(axis=-1) > 0
                   for p in (StickFigures("plain", "val").batch(range(20)).points, source))  # fmt: skip
    assert some.sum() < whole.sum()


def test_the_style_of_the_course():
    batch = StickFigures("plain", "test", 224, style="course").batch(range(80))
    np.testing.assert_allclose(batch.points.min(axis=1), 0, atol=0)
    np.testing.assert_allclose(batch.points.max(axis=1), 224, atol=1e-4)
    assert {*batch.visible.ravel()} <= {1, 2}
    colours = {tuple(head_colours(i, p)) for i, p in zip(batch.images, batch.points, strict=True)}
    assert colours == {(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)} - {(0, 0, 0), (255, 255, 255)}
    ruled = StickFigures("plain", "test", 224, style="course", missing_limb_rule=True).batch(range(80))
    np.testing.assert_array_equal(ruled.points, batch.points)
    lost = ((batch.images > 0) & (ruled.images == 0)).any(axis=-1)
    for points, gone in zip(batch.points, lost, strict=True):
        # Nothing is lost but what belongs to a limb of the leftmost or of the topmost joint.
        ends = {points[:, 0].argmin(), points[:, 1].argmin()}
        limbs = [link for link in (*LINKS.tolist(), [12, 13]) if ends & {*link}]
        rows, columns = np.nonzero(gone)
        near = np.full(len(rows), False)
        for start, end in limbs:
            steps = points[start] + np.linspace(0, 1, 200)[:, None] * (points[end] - points[start])
            gaps = np.linalg.norm(np.stack([columns, rows], axis=1)[:, None] - steps, axis=-1)
            near |= (gaps < 4).any(axis=1)
        assert near.all()
    assert (lost.sum(axis=(1, 2)) > 50).mean() > 0.9


@pytest.mark.parametrize("set_name", SETS)
def test_is_fast_enough_for_training(set_name):
    """2,000 images of 64 x 64 pixels a second on one core; it takes a fifth of that time and less."""
    figures, fastest = StickFigures(set_name, size=64), 1.0
    figures.batch([0])
    for _ in range(3):
        start = time.process_time()
        figures.batch(range(96))
        fastest = min(fastest, time.process_time() - start)
    assert 96 / fastest > 2000
