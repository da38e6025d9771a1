import numpy as np
import pytest

from minipose.pose import COCO_NAMES, STICK_FIGURE, coco_to_stick_figure, stick_figure_to_coco

NAMES = STICK_FIGURE.names


def test_joints_keep_their_names_and_middles_are_midway(rng):
    points, visible = rng.random((3, 17, 2), np.float32), np.full((3, 17), 2, np.uint8)
    new, flags = coco_to_stick_figure(points, visible)
    assert new.shape == (3, 16, 2) and new.dtype == np.float32 and flags.dtype == np.uint8
    at = {name: points[:, place] for place, name in enumerate(COCO_NAMES)}
    for place, name in enumerate(NAMES):
        if name in at:
            assert np.array_equal(new[:, place], at[name])
    np.testing.assert_allclose(new[:, NAMES.index("pelvis")], (at["left_hip"] + at["right_hip"]) / 2)
    np.testing.assert_allclose(new[:, NAMES.index("thorax")], (at["left_shoulder"] + at["right_shoulder"]) / 2)
    unlabelled = {NAMES[j] for j in range(16) if not flags[:, j].any()}
    assert unlabelled == {"upper_neck", "head_top"} and not new[flags == 0].any()


@pytest.mark.parametrize(("left", "right", "middle"), [(2, 2, 2), (2, 1, 1), (1, 0, 0), (0, 2, 0)])
def test_a_middle_is_as_visible_as_the_less_visible_end(left, right, middle):
    visible = np.full(17, 2)
    visible[COCO_NAMES.index("left_hip")], visible[COCO_NAMES.index("right_hip")] = left, right
    flags = coco_to_stick_figure(np.ones((17, 2)), visible)[1]
    assert flags[NAMES.index("pelvis")] == middle and flags[NAMES.index("thorax")] == 2


def test_there_and_back_gives_the_twelve_that_both_have(rng):
    points, scores = rng.random((16, 2)), rng.random(16)
    coco, coco_scores = stick_figure_to_coco(points, scores)
    assert (coco_scores > 0).sum() == 12 and not coco[:5].any()
    again, again_scores = coco_to_stick_figure(coco, coco_scores)
    shared = [place for place, name in enumerate(NAMES) if name in COCO_NAMES]
    assert np.array_equal(again[shared], points[shared]) and np.array_equal(again_scores[shared], scores[shared])


def test_other_joints_are_refused():
    with pytest.raises(ValueError, match=r"coco_to_stick_figure: points must have shape \(\.\.\., 17, 2\)"):
        coco_to_stick_figure(np.ones((16, 2)), np.ones(16))
    with pytest.raises(ValueError, match=r"stick_figure_to_coco: .* got \(16, 2\) and \(17,\)"):
        stick_figure_to_coco(np.ones((16, 2)), np.ones(17))
