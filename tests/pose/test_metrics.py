import numpy as np
import pytest

from minipose.pose import epe, mean_pose, pckh, report_score

HEAD_LENGTH = 5.0


def poses(count=2, seed=0):
    """Random true poses whose head joints are 5 px apart (3, 4)."""
    true = np.random.default_rng(seed).uniform(0, 64, (count, 16, 2))
    true[:, 9] = true[:, 8] + (3, -4)
    return true


def all_visible(true):
    return np.full(true.shape[:2], 2, dtype=np.uint8)


def test_epe_by_hand():
    true = np.zeros((1, 3, 2))
    predicted = np.array([[[3.0, 4.0], [0.0, 1.0], [100.0, 100.0]]])
    assert epe(predicted, true, np.array([[2, 2, 0]])) == pytest.approx((5 + 1) / 2)


def test_epe_counts_hidden_joints_unless_told_otherwise():
    true = np.zeros((1, 3, 2))
    predicted = np.array([[[3.0, 4.0], [0.0, 1.0], [6.0, 8.0]]])
    visible = np.array([[2, 1, 0]], dtype=np.uint8)
    assert epe(predicted, true, visible) == pytest.approx(3)
    assert epe(predicted, true, visible == 2) == pytest.approx(5)


def test_epe_pools_joints_and_not_images():
    true = np.zeros((2, 2, 2))
    predicted = np.array([[[1.0, 0], [1.0, 0]], [[7.0, 0], [50.0, 0]]])
    assert epe(predicted, true, np.array([[1, 1], [1, 0]])) == pytest.approx((1 + 1 + 7) / 3)


def test_pckh_by_hand():
    true = poses(count=2)
    predicted = true.copy()
    predicted[0, 0] += (2.4, 0)  # within half a head, 2.5 px
    predicted[0, 1] += (0, 2.6)  # beyond it
    predicted[1, 15] += (30, 40)
    predicted[1, 14] += (90, 0)  # unlabelled
    visible = all_visible(true)
    visible[1, 14] = 0
    assert pckh(predicted, true, visible) == pytest.approx((2 * 14 - 1 - 2) / (2 * 14 - 1))
    assert pckh(predicted, true, visible, threshold=0.1) == pytest.approx((2 * 14 - 1 - 3) / (2 * 14 - 1))


def test_pckh_leaves_out_pelvis_and_thorax():
    true = poses()
    predicted = true.copy()
    predicted[:, [6, 7]] += 50
    assert pckh(predicted, true, all_visible(true)) == 1
    predicted[:, 5] += 50
    assert pckh(predicted, true, all_visible(true)) == pytest.approx(13 / 14)


def test_pckh_counts_an_error_of_exactly_the_threshold():
    true = np.zeros((1, 16, 2))
    true[0, 9] = (3, -4)
    predicted = true.copy()
    predicted[0, 0] = (2.5, 0)
    assert pckh(predicted, true, all_visible(true)) == 1


def test_pckh_measures_with_the_head_of_the_true_pose():
    true = poses(count=1)
    predicted = true + (3.0, 0)
    predicted[0, 9] += 40  # a predicted head of over 40 px would make the rest correct
    assert pckh(predicted, true, all_visible(true)) == 0


def test_pckh_measures_each_pose_with_its_own_head():
    true = poses(count=2)
    true[1, 9] = true[1, 8] + (30, -40)
    predicted = true + (4.0, 0)
    assert pckh(predicted, true, all_visible(true)) == pytest.approx(0.5)


def test_pckh_refuses_a_pose_without_a_head():
    true = poses(count=3)
    visible = all_visible(true)
    visible[2, 9] = 0
    with pytest.raises(ValueError, match="pose 2 has no head length"):
        pckh(true, true, visible)
    true[1, 9] = true[1, 8]
    with pytest.raises(ValueError, match="pose 1 has no head length"):
        pckh(true, true, all_visible(true))


def test_pckh_refuses_another_skeletons_poses():
    with pytest.raises(ValueError, match="poses have 17 joints but the skeleton has 16"):
        pckh(np.ones((1, 17, 2)), np.ones((1, 17, 2)), np.ones((1, 17), dtype=int))


def test_report_score_by_hand():
    true = np.zeros((2, 2, 2))
    predicted = np.array([[[3.0, 4.0], [12.0, 0.0]], [[0.0, 0.0], [0.0, 20.0]]])
    assert report_score(predicted, true, image_size=10) == pytest.approx((1.3 + 2.0) / 2)


def test_mean_pose_by_hand():
    points = np.array([[[1.0, 2.0], [3.0, 4.0], [0.0, 9.0]], [[3.0, 4.0], [5.0, 0.0], [1.0, 9.0]]])
    result = mean_pose(points)
    np.testing.assert_array_equal(result, [[2, 3], [4, 2], [0.5, 9]])
    assert result.dtype == np.float32


def test_metrics_leave_their_arguments_alone():
    true = poses()
    visible = all_visible(true) > 0
    copies = true.copy(), visible.copy()
    pckh(true, true, visible)
    epe(true, true, visible)
    np.testing.assert_array_equal(true, copies[0])
    np.testing.assert_array_equal(visible, copies[1])


@pytest.mark.parametrize("flag", [-1, 3])
def test_a_flag_that_is_none_is_an_error(flag):
    true = poses()
    with pytest.raises(ValueError, match="epe: visible must hold the flags 0, 1 and 2 only"):
        epe(true, true, np.full(true.shape[:2], flag))


@pytest.mark.parametrize("metric", [epe, pckh])
def test_no_labelled_joint_is_an_error(metric):
    true = poses()
    visible = np.zeros((2, 16), dtype=np.uint8)
    if metric is pckh:
        visible[:, 6:10] = 2
        with pytest.raises(ValueError, match="no joint is labelled"):
            pckh(true, true, np.zeros_like(visible))
        assert pckh(true, true, visible) == 1
    else:
        with pytest.raises(ValueError, match="no joint is labelled"):
            epe(true, true, visible)


def metric_calls(predicted, true):
    visible = np.ones((2, 16), dtype=int)
    yield lambda: epe(predicted, true, visible)
    yield lambda: pckh(predicted, true, visible)
    yield lambda: report_score(predicted, true, 64)


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_metrics_refuse_coordinates_that_are_not_finite(index, bad):
    broken = poses()
    broken[1, 3, 0] = bad
    for predicted, true, name in ((broken, poses(), "predicted"), (poses(), broken, "true")):
        with pytest.raises(ValueError, match=f"{name} points hold NaN"):
            list(metric_calls(predicted, true))[index]()


@pytest.mark.parametrize("index", range(3))
def test_metrics_refuse_shapes_that_would_broadcast(index):
    with pytest.raises(ValueError, match="predicted points have shape"):
        list(metric_calls(poses(count=1), poses()))[index]()
    with pytest.raises(ValueError, match=r"predicted points must have shape \(N, J, 2\)"):
        list(metric_calls(poses()[0], poses()))[index]()


@pytest.mark.parametrize("metric", [epe, pckh])
def test_metrics_check_the_flags(metric):
    true = poses()
    with pytest.raises(ValueError, match=r"visible must have shape \(N, J\)"):
        metric(true, true, np.ones(16, dtype=int))
    with pytest.raises(TypeError, match="visible must be bool"):
        metric(true, true, np.ones((2, 16)))


def test_other_wrong_arguments():
    with pytest.raises(ValueError, match="image_size must be a number from 1"):
        report_score(poses(), poses(), 0)
    with pytest.raises(ValueError, match="points must have shape"):
        mean_pose(np.zeros((0, 16, 2)))
    with pytest.raises(ValueError, match="NaN"):
        mean_pose(np.full((1, 16, 2), np.nan))
