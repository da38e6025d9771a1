import numpy as np
import pytest

from minipose import nn, pose
from minipose.data import StickFigures
from minipose.tensor import Tensor
from minipose.train import evaluate, evaluate_mean_pose, predict, scores, table

FIGURES = StickFigures("circles", "test", size=48, count=7)


class Oracle(nn.Module):
    """Answers with perfect heatmaps, in the order in which the images come."""

    output_stride = 2

    def __init__(self, points):
        super().__init__()
        self.anchor = nn.Parameter(np.zeros(1, np.float32))  # so that the model has a device
        self.points, self.next = points, 0

    def forward(self, images):
        count, _, height, width = images.shape
        assert not self.training
        points = self.points[self.next : self.next + count]
        self.next += count
        return Tensor(pose.encode_heatmaps(points, (height // 2, width // 2), 2))


TRUTH = FIGURES.batch(np.arange(7)).points


def test_the_truth_scores_perfectly_whatever_the_batch_size():
    result = evaluate(Oracle(TRUTH), FIGURES, batch_size=3)
    assert result["pckh50"] == 1 and result["epe_px"] < 0.05 and result["report_score"] < 0.005


def test_the_report_score_is_relative_to_the_size_of_the_image():
    shifted = TRUTH + np.array([3, 0], np.float32)
    predicted, true, _ = predict(Oracle(shifted), FIGURES)
    expected = pose.report_score(predicted, true, 48)
    assert evaluate(Oracle(shifted), FIGURES)["report_score"] == pytest.approx(expected)
    assert expected > 0.01


def test_exchanged_coordinates_score_badly():
    assert evaluate(Oracle(TRUTH[..., ::-1]), FIGURES)["pckh50"] < 0.5


def test_predictions_keep_the_order_and_the_mode():
    model = Oracle(TRUTH).train()
    predicted, true, visible = predict(model, FIGURES, batch_size=2)
    np.testing.assert_array_equal(true, TRUTH)
    assert abs(predicted - TRUTH).max() < 0.1 and visible.shape == (7, 16)
    assert model.training


def test_the_mean_pose_is_the_same_answer_for_every_image():
    training = StickFigures("circles", "train", size=48, count=5)
    mean = training.batch(np.arange(5)).points.mean(0)
    visible = FIGURES.batch(np.arange(7)).visible
    expected = scores(np.broadcast_to(mean, TRUTH.shape), TRUTH, visible, 48)
    assert evaluate_mean_pose(training, FIGURES) == pytest.approx(expected)


def test_the_table_has_the_reference_under_a_line():
    row = {"pckh50": 0.9876, "epe_px": 1.234, "report_score": 0.0567}
    lines = table({"plain": row}, {"plain": {**row, "pckh50": 0.1}}).splitlines()
    assert lines[1].split() == ["plain", "0.988", "1.23", "0.057"]
    assert set(lines[2]) == {"-"}
    assert lines[3].split() == ["mean", "pose,", "plain", "0.100", "1.23", "0.057"]
