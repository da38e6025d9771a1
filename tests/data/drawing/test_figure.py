import numpy as np
import pytest

from minipose.pose import STICK_FIGURE
from tests.data.drawing.interpreted import figure, rows, stream, table

NAMES = STICK_FIGURE.names


def random_pose(seed):
    pose = np.empty((16, 2))
    normals = np.random.default_rng((seed, 1)).standard_normal(figure.NORMALS)
    return pose, figure.random_pose(stream(seed), normals, pose)


def many_poses(count=3000):
    return np.array([random_pose(seed)[0] for seed in range(count)])


POSES = many_poses()


def length(poses, first, second):
    return np.linalg.norm(poses[:, NAMES.index(first)] - poses[:, NAMES.index(second)], axis=-1)


def test_the_parts_are_the_links_of_the_skeleton():
    assert {tuple(sorted(part[:2])) for part in figure.PARTS} == {tuple(sorted(link)) for link in STICK_FIGURE.links}
    course = {tuple(sorted(part[:2])) for part in figure.COURSE_PARTS}
    assert course == {tuple(sorted(link)) for link in STICK_FIGURE.links} - {(7, 12), (7, 13)} | {(12, 13)}
    assert tuple(figure.MIRROR) == STICK_FIGURE.flip
    assert [tuple(np.flatnonzero(side == figure.SIDE)) for side in (1, 2)] == [
        tuple(sorted(STICK_FIGURE.right)), tuple(sorted(STICK_FIGURE.left))
    ]  # fmt: skip


def test_proportions():
    np.testing.assert_allclose(length(POSES, "pelvis", "thorax"), 1)
    assert np.median(length(POSES, "thorax", "upper_neck")) == pytest.approx(0.18, abs=0.01)
    assert np.median(length(POSES, "upper_neck", "head_top")) == pytest.approx(0.62, abs=0.01)
    for side in ("left", "right"):
        assert np.median(length(POSES, f"{side}_shoulder", f"{side}_elbow")) == pytest.approx(0.66 * 0.8, abs=0.02)
        assert np.median(length(POSES, f"{side}_elbow", f"{side}_wrist")) == pytest.approx(0.56 * 0.75, abs=0.02)
        assert np.median(length(POSES, f"{side}_hip", f"{side}_knee")) == pytest.approx(0.95 * 0.85, abs=0.02)
        assert np.median(length(POSES, f"{side}_knee", f"{side}_ankle")) == pytest.approx(0.92 * 0.85, abs=0.02)
    assert (length(POSES, "left_shoulder", "right_shoulder") > length(POSES, "left_hip", "right_hip")).mean() > 0.99


def test_the_spread_of_the_angles_is_that_of_the_tables():
    """The quartiles of the angle at the elbow, of the easy and the hard poses together, by NumPy's own numbers."""
    generator = np.random.default_rng(0)
    easy, hard = generator.triangular(-90, -10, 70, 100_000), generator.uniform(-150, 100, 100_000)
    expected = np.where(generator.random(100_000) < 0.65, easy, hard)
    upper = POSES[:, NAMES.index("left_elbow")] - POSES[:, NAMES.index("left_shoulder")]
    lower = POSES[:, NAMES.index("left_wrist")] - POSES[:, NAMES.index("left_elbow")]
    cross, dot = upper[:, 1] * lower[:, 0] - upper[:, 0] * lower[:, 1], (upper * lower).sum(axis=1)
    quartiles = np.percentile(np.degrees(np.arctan2(cross, dot)), (5, 25, 50, 75, 95))
    np.testing.assert_allclose(quartiles, np.percentile(expected, (5, 25, 50, 75, 95)), atol=5)


def test_shoulders_and_hips_stand_square_on_the_torso():
    torso = POSES[:, NAMES.index("thorax")] - POSES[:, NAMES.index("pelvis")]
    for girdle in ("shoulder", "hip"):
        across = POSES[:, NAMES.index(f"left_{girdle}")] - POSES[:, NAMES.index(f"right_{girdle}")]
        np.testing.assert_allclose((across * torso).sum(axis=-1), 0, atol=1e-12)


def test_the_figures_right_is_on_the_images_left_at_shoulder_and_hip_and_not_always_at_the_hand():
    right_is_left = (POSES[:, STICK_FIGURE.right, 0] < POSES[:, STICK_FIGURE.left, 0]).mean(axis=0)
    share = {NAMES[joint]: value for joint, value in zip(STICK_FIGURE.right, right_is_left, strict=True)}
    assert share["right_shoulder"] == share["right_hip"] == 1
    assert 0.9 < share["right_wrist"] < 0.99 and 0.8 < share["right_ankle"] < 0.95


def test_heads_are_up_and_feet_are_down():
    assert (POSES[:, NAMES.index("head_top"), 1] < POSES[:, NAMES.index("pelvis"), 1]).mean() > 0.99
    assert (POSES[:, NAMES.index("left_ankle"), 1] > POSES[:, NAMES.index("pelvis"), 1]).mean() > 0.8


def test_the_right_side_is_the_nearer_one_in_half_of_the_poses():
    assert np.mean([random_pose(seed)[1] for seed in range(500)]) == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("placement", [figure.PLACE_FIT, figure.PLACE_FIT_ANISO, figure.PLACE_COURSE])
def test_the_largest_figure_fills_its_box(placement):
    points = np.empty((16, 2))
    for pose in POSES[:50]:
        figure.place(stream(0), pose, 100, placement, (1.0, 1.0), points)
        left, top, right, bottom = figure.box(points, placement == figure.PLACE_FIT)
        if placement == figure.PLACE_COURSE:
            np.testing.assert_allclose((left, top, right, bottom), (0, 0, 100, 100), atol=1e-12)
            assert points[:, 0].min() == points[:, 1].min() == 0
            continue
        # The outer edges of the lines, 1 px from the joints: 12 % of the image is left free in all, at both ends alike.
        width, height = right - left + 2, bottom - top + 2
        assert max(width, height) == pytest.approx(88)
        assert left + right == pytest.approx(99) and top + bottom == pytest.approx(99)
        if placement == figure.PLACE_FIT_ANISO:
            assert min(width, height) == pytest.approx(88)
        else:
            ratio = np.ptp(points[:, 1]) / np.ptp(points[:, 0]) / (np.ptp(pose[:, 1]) / np.ptp(pose[:, 0]))
            assert ratio == pytest.approx(1)


def test_a_pose_without_a_width_is_placed_and_not_stretched():
    pose, points = np.full((16, 2), np.nan), np.empty((16, 2))
    pose[:3] = [[3, 0], [3, 1], [3, 4]]
    for placement in (figure.PLACE_FIT_ANISO, figure.PLACE_COURSE):
        figure.place(stream(0), pose, 64, placement, (1.0, 1.0), points)
        assert np.isnan(points[3:]).all() and (np.abs(points[:3, 0] - 32) <= 0.5).all()
        assert np.ptp(points[:3, 1]) > 50


def drawn_parts(**options):
    """The rows of a figure whose joint j is at (10 j + 10, 20 j + 10)."""
    points = np.stack([10.0 * np.arange(16) + 10, 20.0 * np.arange(16) + 10], axis=1)
    points[list(options.pop("missing", ()))] = np.nan
    points[options.pop("zero", []), 0] = 0.0
    palette = np.array([[1.0, 1, 1], [2, 2, 2], [3, 3, 3]])
    settings = (options.pop("course", 0), 0, options.pop("cue", 0), options.pop("rule", 0), 0)
    shapes, near = table(), options.pop("right_is_near", True)
    figure.add_figure(shapes, points, palette, 1.0, near, 10, options.pop("half", 0), settings, True)
    return rows(shapes)


def joints_of(row):
    return {round((row[1] - 10) / 10), round((row[3] - 10) / 10)}


def test_a_figure_is_painted_from_the_far_limbs_to_the_near_ones():
    for near, far_limb in ((True, STICK_FIGURE.left), (False, STICK_FIGURE.right)):
        parts = drawn_parts(right_is_near=near)
        assert len(parts) == 15 and (np.diff(parts[:, 9]) >= 0).all()
        assert set().union(*map(joints_of, parts[:4])) == {*far_limb}
        assert list(np.bincount((parts[:, 9] - 10).astype(int))) == [4, 6, 1, 4]
        for part in parts:
            sides = {figure.SIDE[joint] for joint in joints_of(part)} if part[9] != 12 else {0}
            assert part[6] == 1 + max(sides)


def test_a_missing_joint_has_no_parts():
    assert len(drawn_parts(missing=[0])) == 14
    assert len(drawn_parts(missing=[7])) == 11
    assert len(drawn_parts(missing=[9])) == 14 and not (drawn_parts(missing=[8])[:, 9] == 12).any()


def test_halves():
    upper, lower = drawn_parts(half=figure.UPPER_HALF), drawn_parts(half=figure.LOWER_HALF)
    assert len(upper) == 8 and len(lower) == 6
    assert not set().union(*map(joints_of, lower)) - {*range(7)}


def test_the_course_joins_the_shoulders_and_can_leave_out_limbs_at_zero():
    parts = drawn_parts(course=1)
    assert len(parts) == 14
    assert any(joints_of(part) == {12, 13} and part[6] == 1 for part in parts)
    head = parts[parts[:, 9] == 12][0]
    assert head[5] == pytest.approx(np.hypot(10, 20) / 2)
    assert len(drawn_parts(course=1, rule=1)) == 14
    assert len(drawn_parts(course=1, rule=1, zero=[2])) == 12
    assert len(drawn_parts(course=1, rule=0, zero=[2])) == 14


def test_eyes_lie_on_the_face():
    parts = drawn_parts(cue=3)
    assert len(parts) == 17
    head, *eyes = parts[parts[:, 9] == 12]
    for eye in eyes:
        assert np.hypot(*(eye[1:3] - head[1:3])) + eye[5] < head[5] and not eye[6:9].any()
