import numpy as np
import pytest

from minipose.data import figure, render
from minipose.pose import STICK_FIGURE

NAMES = STICK_FIGURE.names


def many_poses(count=3000):
    generator = np.random.default_rng(0)
    return np.array([figure._random_pose(generator)[0] for _ in range(count)])


def length(poses, first, second):
    return np.linalg.norm(poses[:, NAMES.index(first)] - poses[:, NAMES.index(second)], axis=-1)


def test_proportions():
    poses = many_poses()
    np.testing.assert_allclose(length(poses, "pelvis", "thorax"), 1)
    assert np.median(length(poses, "thorax", "upper_neck")) == pytest.approx(0.18, abs=0.01)
    assert np.median(length(poses, "upper_neck", "head_top")) == pytest.approx(0.62, abs=0.01)
    for side in ("left", "right"):
        assert np.median(length(poses, f"{side}_shoulder", f"{side}_elbow")) == pytest.approx(0.66 * 0.8, abs=0.02)
        assert np.median(length(poses, f"{side}_elbow", f"{side}_wrist")) == pytest.approx(0.56 * 0.75, abs=0.02)
        assert np.median(length(poses, f"{side}_hip", f"{side}_knee")) == pytest.approx(0.95 * 0.85, abs=0.02)
        assert np.median(length(poses, f"{side}_knee", f"{side}_ankle")) == pytest.approx(0.92 * 0.85, abs=0.02)
    assert (length(poses, "left_shoulder", "right_shoulder") > length(poses, "left_hip", "right_hip")).mean() > 0.99


def test_shoulders_and_hips_stand_square_on_the_torso():
    poses = many_poses(300)
    torso = poses[:, NAMES.index("thorax")] - poses[:, NAMES.index("pelvis")]
    for girdle in ("shoulder", "hip"):
        across = poses[:, NAMES.index(f"left_{girdle}")] - poses[:, NAMES.index(f"right_{girdle}")]
        np.testing.assert_allclose((across * torso).sum(axis=-1), 0, atol=1e-12)


def test_the_figures_right_is_on_the_images_left_at_shoulder_and_hip_and_not_always_at_the_hand():
    poses = many_poses()
    right_is_left = (poses[:, STICK_FIGURE.right, 0] < poses[:, STICK_FIGURE.left, 0]).mean(axis=0)
    share = {NAMES[joint]: value for joint, value in zip(STICK_FIGURE.right, right_is_left, strict=True)}
    assert share["right_shoulder"] == share["right_hip"] == 1
    assert 0.9 < share["right_wrist"] < 0.99 and 0.8 < share["right_ankle"] < 0.95


def test_heads_are_up_and_feet_are_down():
    poses = many_poses()
    assert (poses[:, NAMES.index("head_top"), 1] < poses[:, NAMES.index("pelvis"), 1]).mean() > 0.99
    assert (poses[:, NAMES.index("left_ankle"), 1] > poses[:, NAMES.index("pelvis"), 1]).mean() > 0.8


@pytest.mark.parametrize("size", [32, 64, 131])
def test_every_pixel_of_the_figure_is_inside_the_image(size):
    generator = np.random.default_rng(1)
    for _ in range(100):
        drawn = figure.random_figure(generator, size)
        image = np.zeros((size + 20, size + 20, 3), dtype=np.uint8)
        shapes = drawn.shapes.copy()
        shapes[:, 1:5] += 10
        render.draw(image, shapes)
        inside = image[10:-10, 10:-10].astype(int).sum()
        assert inside == image.astype(int).sum()


def test_figures_are_as_large_and_as_spread_as_promised():
    generator = np.random.default_rng(2)
    points = np.array([figure.random_figure(generator, 100).points for _ in range(1000)])
    extent = (points.max(axis=1) - points.min(axis=1)).max(axis=1)
    assert 0.35 * 100 < extent.min() and extent.max() < 0.88 * 100
    pelvis = points[:, 6]
    assert pelvis.std(axis=0).min() > 8


@pytest.mark.parametrize("near", ["right", "left"])
def test_the_near_hand_hides_nothing_but_the_far_hand_can_be_hidden(near):
    """A wrist laid over the chest: hidden when its arm is painted before the torso, visible when after it."""
    far = {"right": "left", "left": "right"}[near]
    part_layers, joint_layers, order = figure._LAYERS[near == "right"]
    layers = {name: joint_layers[NAMES.index(name)] for name in NAMES}
    assert layers[f"{far}_wrist"] < layers["thorax"] <= layers["upper_neck"] < layers[f"{near}_wrist"]
    assert layers[f"{far}_hip"] == layers["pelvis"]
    assert (np.diff(part_layers[order]) >= 0).all()


def test_hidden_joints_lie_under_a_part_that_is_painted_later():
    generator = np.random.default_rng(3)
    hidden = 0
    for _ in range(300):
        drawn = figure.random_figure(generator, 64)
        for joint in np.flatnonzero(drawn.visible == 1):
            hidden += 1
            own = [np.allclose(drawn.points[joint], row[1:3]) or np.allclose(drawn.points[joint], row[3:5])
                   for row in drawn.shapes]  # fmt: skip
            last_own = max(np.flatnonzero(own), default=-1)
            later = drawn.shapes[last_own + 1 :]
            distance = figure._distances(drawn.points[joint : joint + 1], later[:, 1:3], later[:, 3:5])[0]
            assert (distance <= later[:, 5]).any()
    assert hidden > 20


def test_distances_by_hand():
    points = np.array([[0.0, 3.0], [7.0, 4.0], [-3.0, -4.0]])
    starts = np.array([[0.0, 0.0], [1.0, 1.0]])
    ends = np.array([[4.0, 0.0], [1.0, 1.0]])
    expected = [[3, np.sqrt(5)], [5, np.sqrt(45)], [5, np.sqrt(41)]]
    np.testing.assert_allclose(figure._distances(points, starts, ends), expected)
