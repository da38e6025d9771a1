"""Of the mistakes that made a whole table of pose networks no better than a constant, the one in the drawing."""

import numpy as np
import pytest

from minipose.data import StickFigures
from minipose.pose import STICK_FIGURE, epe, oks, pck


def share_drawn(figures, count=40):
    """How much of each limb at the leftmost and the topmost joint is in the image, (limbs,)."""
    batch, shares = figures.batch(range(count)), []
    for image, points in zip(batch.images, batch.points, strict=True):
        for end in {points[:, 0].argmin(), points[:, 1].argmin()} - {8, 9}:  # the head is a disc
            for link in STICK_FIGURE.links:
                if end in link and 6 not in link and 7 not in link:
                    line = points[link[0]] + np.linspace(0.1, 0.9, 50)[:, None] * (points[link[1]] - points[link[0]])
                    columns, rows = np.clip(np.round(line).astype(int), 0, len(image) - 1).T
                    shares.append((image[rows, columns] > 0).any(axis=-1).mean())
    return np.array(shares)


def test_b7_limbs_of_joints_at_coordinate_0_are_drawn_unless_that_is_asked_for():
    """`if x > 0` was meant to ask whether a joint is labelled: every figure lacked limbs at the left and at the top."""
    figures = StickFigures("plain", "test", 128, style="course")
    assert share_drawn(figures).min() > 0.99
    ruled = StickFigures("plain", "test", 128, style="course", missing_limb_rule=True)
    assert np.median(share_drawn(ruled)) < 0.2
    assert (figures.batch(range(40)).points.min(axis=1) == 0).all()
    with pytest.raises(ValueError, match="missing_limb_rule"):
        StickFigures("plain", missing_limb_rule=True)


def test_b7_a_joint_at_coordinate_0_is_scored_as_any_other():
    true = StickFigures("plain", "test", 128, style="course").batch(range(8)).points
    visible = np.full(true.shape[:2], 2)
    predicted = np.where((true == 0).any(axis=-1, keepdims=True), true + 50, true)
    off = (true == 0).any(axis=-1).sum()
    assert off >= 8
    assert epe(predicted, true, visible) == pytest.approx(off * 50 * 2**0.5 / visible.size)
    assert pck(predicted, true, visible, 0.05) == pytest.approx(1 - off / visible.size)
    assert oks(predicted, true, visible).max() < 1
