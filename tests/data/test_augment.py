import dataclasses

import numpy as np
import pytest

from minipose.data import Augment, Sample, StickFigures
from minipose.pose import STICK_FIGURE, affine
from tests.data.discs import draw_discs

STILL = {"flip": 0, "rotation": 0, "scale": 0, "translation": 0, "colour": 0, "noise": 0, "cutout": 0}
SIZE = 96
WAYS = {
    "flip": {"flip": 1},
    "rotation": {"rotation": 40, "rotation_chance": 1},
    "scale": {"scale": 0.25},
    "translation": {"translation": 0.2},
    "all": {"flip": 1, "rotation": 30, "rotation_chance": 1, "scale": 0.2, "translation": 0.1},
}


def dotted(height=SIZE, width=SIZE, people=1, seed=0):
    """A sample with a disc of its own colour at each joint: what its points mark can be found again."""
    generator = np.random.default_rng(seed)
    cells = generator.permutation([(x, y) for x in range(1, width // 12 - 1) for y in range(1, height // 12 - 1)])
    points = (12 * cells[: 16 * people] + 6 + generator.random((16 * people, 2))).astype(np.float32)
    colours = np.stack([np.tile(np.arange(16), people) * 12 + 60] * 3, axis=-1)
    image = np.zeros((height, width, 3), np.uint8)
    draw_discs(image, points, 4.0, colours)
    points = points.reshape(people, 16, 2)
    visible = np.full((people, 16), 2, np.uint8)
    visible[:, 3] = 1
    return Sample(image, points[0], visible[0], "s", 4, "4.png", points, visible)


def colour_at(image, points):
    columns, rows = np.rint(points).astype(int).T
    return image[rows, columns].astype(int)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(SIZE, SIZE), (84, 132)])
def test_points_stay_on_the_joints_that_they_name(way, shape):
    sample = dotted(*shape)
    before = colour_at(sample.image, sample.points)
    augment = Augment(**{**STILL, **WAYS[way]})
    checked = 0
    for seed in range(20):
        after = augment(sample, np.random.default_rng(seed))
        assert after.image.shape == sample.image.shape and after.points.dtype == np.float32
        if way == "flip":
            assert np.array_equal(after.image, sample.image[:, ::-1])
        # What was the left wrist is the right one of the mirror image.
        named = before[list(STICK_FIGURE.flip)] if "flip" in WAYS[way] else before
        inside = after.visible > 0
        assert np.abs(colour_at(after.image, after.points[inside]) - named[inside]).max() <= 2
        checked += inside.sum()
    assert checked > 200


@pytest.mark.parametrize("way", WAYS)
def test_discs_are_centred_where_the_points_say(way):
    sample = dotted()
    joint = 7  # which no flip moves
    image = np.zeros_like(sample.image)
    draw_discs(image, sample.points[[joint]], 4.0, np.array([[255, 255, 255]]))
    sample = dataclasses.replace(sample, image=image)
    augment = Augment(**{**STILL, **WAYS[way]})
    checked = 0
    for seed in range(10):
        after = augment(sample, np.random.default_rng(seed))
        if not ((after.points[joint] > 7) & (after.points[joint] < SIZE - 8)).all():
            continue
        weights = after.image[..., 0] / after.image[..., 0].sum(dtype=float)
        found = (weights * np.arange(SIZE)).sum(), (weights.T * np.arange(SIZE)).sum()
        np.testing.assert_allclose(after.points[joint], found, atol=0.1)
        checked += 1
    assert checked >= 5


def test_predictions_map_back_through_the_sample_matrix():
    first = affine.box_to_square((100, 50, 300, 250), SIZE)
    sample = dataclasses.replace(dotted(people=2), matrix=first)
    source = affine.transform_points(affine.invert(first), sample.points)
    after = Augment(**{**STILL, **WAYS["all"]})(sample, np.random.default_rng(1))
    back = affine.transform_points(affine.invert(after.matrix), after.points)
    np.testing.assert_allclose(back[list(STICK_FIGURE.flip)], source, atol=1e-3)
    assert np.array_equal(after.people[0], after.points) and after.people.shape == (2, 16, 2)
    assert np.array_equal(after.people_visible[0], after.visible)
    assert (after.set, after.index, after.name) == ("s", 4, "4.png")


def test_a_flip_exchanges_flags_too():
    after = Augment(**{**STILL, "flip": 1})(dotted(people=2), np.random.default_rng(0))
    assert (after.people_visible == 1).nonzero()[1].tolist() == [2, 2]  # of the left hip


def test_joints_that_leave_the_image_are_marked():
    sample, marked = dotted(), 0
    for seed in range(20):
        after = Augment(**{**STILL, "translation": 1})(sample, np.random.default_rng(seed))
        inside = ((after.points > -0.5) & (after.points < SIZE - 0.5)).all(axis=-1)
        assert np.array_equal(after.visible, np.where(inside, sample.visible, 0))
        marked += (~inside).sum()
    assert marked > 50


def test_an_unlabelled_joint_stays_unlabelled():
    sample = dotted()
    sample.visible[5] = 0
    after = Augment(**{**STILL, "scale": 0.1})(sample, np.random.default_rng(0))
    assert after.visible[5] == 0 and after.visible.tolist().count(0) == 1


def test_cutout_hides_the_joints_that_it_covers():
    sample, hidden = dotted(), 0
    for seed in range(30):
        after = Augment(**{**STILL, "cutout": 0.4})(sample, np.random.default_rng(seed))
        changed = (after.image != sample.image).any(axis=-1)
        rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
        assert len(rows) <= round(0.4 * SIZE) and len(columns) <= round(0.4 * SIZE)
        low, high = (columns[0] - 0.5, rows[0] - 0.5), (columns[-1] + 0.5, rows[-1] + 0.5)
        covered = ((after.points >= low) & (after.points < high)).all(axis=-1)
        assert np.array_equal(after.visible, np.where(covered, np.minimum(sample.visible, 1), sample.visible))
        hidden += covered.sum()
    assert hidden > 30
    assert (sample.visible == 2).sum() == 15


def test_colour_is_a_factor_for_each_channel_and_noise_has_its_deviation():
    sample = dataclasses.replace(dotted(), image=np.full((SIZE, SIZE, 3), 100, np.uint8))
    images = [Augment(**{**STILL, "colour": 0.3})(sample, np.random.default_rng(seed)).image for seed in range(60)]
    colours = np.array([image[0, 0] for image in images])
    assert all((image == image[0, 0]).all() for image in images)
    assert colours.min() in range(70, 76) and colours.max() in range(125, 131)
    assert np.ptp(colours, axis=1).max() > 20
    noisy = Augment(**{**STILL, "noise": 10})(sample, np.random.default_rng(0)).image.astype(float)
    assert abs(noisy.std() - 10) < 0.3 and abs(noisy.mean() - 100) < 0.3


def test_colours_stay_within_their_range():
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[1::2] = 255
    sample = dataclasses.replace(dotted(), image=image)
    image = Augment(**{**STILL, "colour": 0.4, "noise": 20})(sample, np.random.default_rng(3)).image
    assert image[::2].mean() < 12 and image[1::2].mean() > 130


def test_the_same_state_gives_the_same_sample_and_the_given_one_is_kept():
    figures = StickFigures("shapes", count=4)
    augment = Augment(translation=0.1, noise=5, cutout=0.3)
    for sample in figures:
        kept = sample.image.copy(), sample.points.copy(), sample.visible.copy()
        one, other, third = (augment(sample, np.random.default_rng(seed)) for seed in (7, 7, 8))
        for field in ("image", "points", "visible", "people", "people_visible", "matrix"):
            assert np.array_equal(getattr(one, field), getattr(other, field))
        assert not np.array_equal(one.image, third.image)
        for old, new in zip(kept, (sample.image, sample.points, sample.visible), strict=True):
            assert np.array_equal(old, new)


def test_without_any_change_the_pixels_are_the_same():
    sample = dotted()
    after = Augment(**STILL)(sample, np.random.default_rng(0))
    assert np.array_equal(after.image, sample.image) and np.array_equal(after.matrix, sample.matrix)


def test_chances_and_ranges_are_those_asked_for():
    sample, centre = dotted(), [[(SIZE - 1) / 2, (SIZE - 1) / 2]]
    matrices = [Augment(colour=0)(sample, np.random.default_rng(seed)).matrix for seed in range(400)]
    flipped = np.array([np.linalg.det(m[:, :2]) < 0 for m in matrices])
    scales = np.array([abs(np.linalg.det(m[:, :2])) ** 0.5 for m in matrices])
    angles = np.degrees([np.arctan2(m[0, 1], abs(m[1, 1])) for m in matrices])
    assert 0.42 < flipped.mean() < 0.58 and 0.52 < (np.abs(angles) > 1e-9).mean() < 0.68
    assert 0.75 - 1e-9 <= scales.min() < 0.76 and 1.24 < scales.max() <= 1.25 + 1e-9
    assert 50 < np.abs(angles).max() <= 60 + 1e-9 and abs(angles.mean()) < 4
    for matrix in matrices[:20]:
        np.testing.assert_allclose(affine.transform_points(matrix, centre), centre, atol=1e-9)


@pytest.mark.parametrize("field", ["flip", "rotation", "scale", "cutout", "noise"])
@pytest.mark.parametrize("value", [-0.1, 300, float("nan")])
def test_a_number_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=f"Augment: {field} must be a number from 0"):
        Augment(**{field: value})


def test_a_wrong_call_is_told_so():
    sample, generator = dotted(), np.random.default_rng(0)
    with pytest.raises(TypeError, match="flip must be a number"):
        Augment(flip="yes")
    with pytest.raises(TypeError, match="skeleton must be a Skeleton"):
        Augment(skeleton="coco")
    with pytest.raises(TypeError, match="generator must be a numpy.random.Generator"):
        Augment()(sample, 3)
    with pytest.raises(ValueError, match=r"skeleton has 16 joints, but the points of sample 4 have shape \(5, 2\)"):
        Augment()(Sample(sample.image, sample.points[:5], sample.visible[:5], "s", 4), generator)
