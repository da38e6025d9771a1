"""PCK in all units, its area, and all metrics at once."""

import json

import numpy as np
import pytest

from minipose.pose import STICK_FIGURE, auc, epe, mean_pose, nme, pck, pckh, report_score, summarise, unit_lengths

FLIP = list(STICK_FIGURE.flip)


@pytest.fixture
def true():
    """Two poses in boxes of 30 x 40; the first has a head of 5, and a torso of 10."""
    points = np.random.default_rng(0).uniform(10, 20, (2, 16, 2))
    points[:, 0], points[:, 5] = (5, 5), (35, 45)
    points[:, 9] = points[:, 8] + (3, -4)
    points[0, 13], points[0, 2] = (15, 10), (15, 20)
    return points


@pytest.fixture
def visible(true):
    return np.full((2, 16), 2, dtype=np.uint8)


def test_units_by_hand(true, visible):
    assert unit_lengths(true, visible, "bbox") == pytest.approx([40, 40])
    assert unit_lengths(true, visible, "diagonal") == pytest.approx([50, 50])
    assert unit_lengths(true, visible, "head") == pytest.approx([5, 5])
    assert unit_lengths(true, visible, "torso")[0] == pytest.approx(10)
    assert unit_lengths(true, visible, [7, 8]) == pytest.approx([7, 8])


def test_a_pose_without_the_unit_has_none(true, visible):
    visible[0, [9, 2]] = 0
    visible[1] = 0
    for unit in ("head", "torso"):
        assert np.isnan(unit_lengths(true, visible, unit)).all()
    assert np.isnan(unit_lengths(true, visible, "bbox")).tolist() == [False, True]
    with pytest.raises(ValueError, match="pck: pose 0 has no torso length, which needs joints 13 and 2 labelled"):
        pck(true, true, visible, unit="torso")
    assert pck(true, true, visible, unit="bbox") == 1  # the second pose is not scored, so it needs no box
    visible[1, 3] = 2
    with pytest.raises(ValueError, match="nme: pose 1 has no box length, which needs two labelled joints apart"):
        nme(true, true, visible)


def test_the_box_is_that_of_the_labelled_joints(true, visible):
    visible[0, 5] = 0
    assert unit_lengths(true, visible, "bbox")[0] < 20


@pytest.mark.parametrize(("unit", "length"), [("bbox", 40), ("diagonal", 50), ("head", 5), ("torso", 10)])
def test_pck_counts_errors_up_to_the_threshold(true, visible, unit, length):
    true, visible = true[:1], visible[:1]
    for error, expected in ((0.2 * length - 1e-6, 1), (0.2 * length + 1e-6, 0)):
        assert pck(true + (0, error), true, visible, 0.2, unit) == expected
    assert nme(true + (0, 3), true, visible, unit) == pytest.approx(3 / length)


def test_pckh_is_pck_in_heads(true, visible):
    predicted = true + np.random.default_rng(1).normal(0, 3, true.shape)
    assert pckh(predicted, true, visible) == pck(predicted, true, visible, 0.5, "head")
    assert 0.2 < pckh(predicted, true, visible) < 0.8


def test_a_joint_at_zero_is_a_joint(true, visible):
    moved = true - true[:, :1]
    assert (moved[:, 0] == 0).all()
    predicted = moved.copy()
    predicted[:, 0] += 30
    assert epe(predicted, moved, visible) > 2
    assert pck(predicted, moved, visible, 0.1) == pytest.approx(15 / 16)


def test_auc_is_the_mean_over_its_thresholds(true, visible):
    predicted = true + np.random.default_rng(1).normal(0, 1, true.shape)
    steps = [pckh(predicted, true, visible, i / 100) for i in range(51)]
    assert auc(predicted, true, visible) == pytest.approx(np.mean(steps), abs=1e-12)
    assert 0.2 < np.mean(steps) < 0.8
    assert auc(true, true, visible) == 1
    values = [pck(predicted, true, visible, t) for t in (0.01, 0.05)]
    assert auc(predicted, true, visible, thresholds=(0.05, 0.01), unit="bbox") == pytest.approx(np.mean(values))
    with pytest.raises(ValueError, match="auc: thresholds must be numbers that are not negative"):
        auc(true, true, visible, thresholds=())


def test_agnostic_pck_forgives_left_for_right(true, visible):
    exchanged = true[:, FLIP]
    assert pck(exchanged, true, visible, 0.02) < 0.5
    assert pck(exchanged, true, visible, 0.02, agnostic=True) == 1
    assert pck(true + 30, true, visible, 0.02, agnostic=True) == 0


def test_an_unlabelled_mirror_joint_forgives_nothing(true, visible):
    exchanged = true[:, FLIP]
    visible[:, 0] = 0
    result = pck(exchanged, true, visible, 0.02, agnostic=True, per_joint=True)
    assert np.isnan(result[0]) and result[5] == 0 and result[1] == 1


def test_only_visible_keeps_the_hidden_head_as_the_unit(true, visible):
    visible[:, [8, 9, 0]] = 1
    predicted = true.copy()
    predicted[:, 0] += 20
    assert pckh(predicted, true, visible) == pytest.approx(13 / 14)
    assert pckh(predicted, true, visible, only_visible=True) == 1
    assert epe(predicted, true, visible, only_visible=True) == 0
    with pytest.raises(TypeError, match="only_visible needs the flags"):
        epe(predicted, true, visible > 0, only_visible=True)
    with pytest.raises(ValueError, match=r"no joint is visible \(2\)"):
        epe(predicted, true, np.minimum(visible, 1), only_visible=True)


def test_per_joint_means_pool_to_the_whole(true, visible):
    generator = np.random.default_rng(2)
    predicted = true + generator.normal(0, 3, true.shape)
    visible[0, 3:6] = 0
    visible[:, 12] = 0
    counts = (visible > 0).sum(axis=0)
    for metric, options in ((epe, {}), (pck, {"threshold": 0.1}), (nme, {})):
        joints = metric(predicted, true, visible, **options, per_joint=True)
        assert np.isnan(joints[12]) and np.isnan(joints).sum() == 1
        whole = np.nansum(joints * counts) / counts.sum()
        assert metric(predicted, true, visible, **options) == pytest.approx(whole)
    assert np.isnan(pckh(predicted, true, visible, per_joint=True)[[6, 7, 12]]).all()


def test_report_score_leaves_out_poses_with_an_unlabelled_joint(true, visible):
    predicted = true.copy()
    predicted[0] += 3
    visible[1, 4] = 0
    assert report_score(predicted, true, 64, visible) == pytest.approx(np.sqrt(32 * 9) / 64)
    visible[0, 4] = 0
    with pytest.raises(ValueError, match="every pose has an unlabelled joint"):
        report_score(predicted, true, 64, visible)


def test_the_mean_pose_of_labelled_joints():
    points = np.arange(12.0).reshape(2, 3, 2)
    visible = np.array([[1, 2, 0], [0, 1, 0]])
    np.testing.assert_array_equal(mean_pose(points, visible), [[0, 1], [5, 6], [2.5, 3.5]])


def test_all_at_once(true, visible):
    predicted = true + np.random.default_rng(1).normal(0, 2, true.shape)
    result = summarise(predicted, true, visible, 64)
    assert result["pckh50"] == pckh(predicted, true, visible)
    assert result["pckh10"] == pckh(predicted, true, visible, 0.1)
    assert result["pck_diagonal15"] == pck(predicted, true, visible, 0.15, "diagonal")
    assert result["report_score"] == report_score(predicted, true, 64)
    assert result["per_joint"]["epe_px"]["left_wrist"] == pytest.approx(
        np.linalg.norm(predicted[:, 15] - true[:, 15], axis=-1).mean()
    )
    assert result["per_joint"]["pckh50"]["pelvis"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_what_cannot_be_measured_is_none_and_never_a_wrong_number(true, visible):
    predicted = true + 1
    predicted[1] += 50
    visible[1, 9] = 0  # its head
    result = summarise(predicted, true, visible, 64)
    assert result["pckh50"] == pckh(predicted[:1], true[:1], visible[:1])
    assert result["epe_px"] == epe(predicted, true, visible)
    assert result["report_score"] == report_score(predicted[:1], true[:1], 64)
    assert result["poses"] == 2 and result["poses_without_head"] == 1
    result = summarise(predicted, true, np.zeros_like(visible), 64)
    joints = result.pop("per_joint")
    assert {name for name, value in result.items() if value is not None} == {"poses", "poses_without_head"}
    assert {value for values in joints.values() for value in values.values()} == {None}
    visible[:] = 0
    visible[:, 4] = 1
    result = summarise(predicted, true, visible, 64)
    assert result["epe_px"] > 1 and result["pckh50_visible"] is result["pck_bbox20"] is None


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda t, v: pck(t, t, v, unit="foot"), ValueError, "unit must be one of"),
        (lambda t, v: pck(t, t, v, unit=[1.0]), ValueError, "unit must hold a length for each of 2 poses"),
        (lambda t, v: pck(t, t, v, unit=[1.0, 0.0]), ValueError, "pose 1 has no unit length"),
        (lambda t, v: pck(t, t, v, threshold=-1), ValueError, "pck: threshold must be a number from 0"),
        (lambda t, v: pck(t, t, v, agnostic=1), TypeError, "agnostic must be True or False"),
        (lambda t, v: pck(t[:, :5], t[:, :5], v[:, :5], unit="torso"), ValueError, "poses have 5 joints"),
        (lambda t, v: summarise(t, t, v, 64, scores=np.ones(2)), ValueError, "scores must be finite and of shape"),
        (lambda t, v: summarise(t * np.nan, t, v, 64), ValueError, "predicted points hold NaN"),
    ],
)
def test_wrong_arguments(true, visible, run, error, message):
    with pytest.raises(error, match=message):
        run(true, visible)
