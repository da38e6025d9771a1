import json

import numpy as np
import pytest

from minipose import models, nn, pose
from minipose.data import StickFigures
from minipose.pose import HeatmapCodec, IntegralCodec, RegressionCodec
from minipose.tensor import Tensor
from minipose.train import (
    SuspiciousScores,
    default_codec,
    evaluate,
    evaluate_mean_pose,
    evaluate_sets,
    finding_lines,
    joint_table,
    predict,
    predict_outputs,
    read_labels,
    table,
)
from tests.train.oracles import Changed, Codec, Oracle, truth

FIGURES = StickFigures("circles", "test", size=48, count=7)
TRUTH = truth(FIGURES)
MIXED = StickFigures("mixed", "test", size=48, count=24)
TRAINING = StickFigures("mixed", "train", size=48, count=40)


def test_the_truth_scores_perfectly_whatever_the_batch_size():
    result = evaluate(Oracle(TRUTH), FIGURES, batch_size=3)
    assert result["pckh50"] == 1 and result["epe_px"] < 0.05 and result["report_score"] < 0.005


def test_the_report_score_is_relative_to_the_size_of_the_image():
    shifted = TRUTH + np.array([3, 0], np.float32)
    predictions = predict(Oracle(shifted), FIGURES)
    expected = pose.report_score(predictions.points, predictions.true, 48)
    assert evaluate(Oracle(shifted), FIGURES)["report_score"] == pytest.approx(expected)
    assert expected > 0.01


def test_exchanged_coordinates_score_badly():
    assert evaluate(Oracle(TRUTH[..., ::-1]), FIGURES)["pckh50"] < 0.5


def test_predictions_keep_the_order_and_the_mode():
    model = Oracle(TRUTH).train()
    predictions = predict(model, FIGURES, batch_size=2)
    np.testing.assert_array_equal(predictions.true, TRUTH)
    assert abs(predictions.points - TRUTH).max() < 0.1
    assert predictions.visible.shape == predictions.scores.shape == (7, 16)
    assert predictions.indices.tolist() == list(range(7)) and predictions.image_size == (48, 48)
    assert predictions.sets == ("circles",) * 7 and predictions.names == ("",) * 7
    assert model.training


def test_what_is_kept_does_not_depend_on_the_batch_size():
    whole, parts = (predict(Oracle(truth(MIXED)), MIXED, Codec(), size) for size in (24, 5))
    np.testing.assert_array_equal(whole.points, parts.points)
    np.testing.assert_array_equal(whole.outputs, parts.outputs)
    np.testing.assert_allclose(whole.maps.alike, parts.maps.alike, atol=1e-6)
    assert whole.labels.hashes == parts.labels.hashes and len(set(whole.labels.hashes)) == 24
    np.testing.assert_allclose(np.diag(whole.maps.alike), 1, atol=1e-5)


def test_another_codec_may_read_other_outputs():
    class Points(nn.Module):
        def __init__(self):
            super().__init__()
            self.anchor = nn.Parameter(np.zeros(1, np.float32))

        def forward(self, images):
            return Tensor(np.full((images.shape[0], 32), 0.5, np.float32))

    class Fractions:
        def encode(self, points, visible):
            return points.reshape(-1, 32) / 48, (visible > 0).astype(np.float32)

        def decode(self, outputs):
            return outputs.reshape(-1, 16, 2) * 48, np.ones((len(outputs), 16), np.float32)

    report = evaluate_sets(Points(), {"circles": FIGURES}, codec=Fractions())
    assert report["sets"]["circles"]["epe_px"] == pytest.approx(report["image_centre"]["circles"]["epe_px"], rel=0.1)
    assert report["codec"]["circles"]["epe_px"] < 1e-5
    assert [finding["name"] for finding in report["findings"]] == ["constant output"]
    with pytest.raises(ValueError, match="Points has no output_stride, so the codec must be given"):
        evaluate(Points(), FIGURES)


def test_the_mean_pose_is_the_same_answer_for_every_image():
    training = StickFigures("circles", "train", size=48, count=5)
    mean = truth(training).mean(0)
    visible = FIGURES.batch(np.arange(7)).visible
    expected = pose.summarise(np.broadcast_to(mean, TRUTH.shape), TRUTH, visible, 48)
    result = evaluate_mean_pose(training, FIGURES)
    assert result["per_joint"].keys() == expected["per_joint"].keys()
    for name in ("pckh50", "epe_px", "report_score", "auc"):
        assert result[name] == pytest.approx(expected[name])


def test_the_mean_pose_of_larger_training_images_is_made_smaller():
    doubled = Changed(
        StickFigures("circles", "train", size=48, count=5),
        lambda batch: {"images": batch.images.repeat(2, 1).repeat(2, 2), "points": batch.points * 2},
    )
    expected = evaluate_mean_pose(doubled.dataset, FIGURES)
    assert evaluate_mean_pose(doubled, FIGURES)["epe_px"] == pytest.approx(expected["epe_px"])


def test_all_sets_with_their_reference_lines():
    model = Oracle(truth(MIXED) + 0.5)
    report = evaluate_sets(model, MIXED, TRAINING, Codec())
    assert set(report) == {"sets", "mean_pose", "image_centre", "codec", "findings"} and report["findings"] == []
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    sets = MIXED.batch(np.arange(24)).sets
    assert list(report["sets"]) == list(dict.fromkeys(sets)) and len(report["sets"]) == 4
    assert sum(row["poses"] for row in report["sets"].values()) == 24
    of_one = np.array(sets) == "platform"
    points = truth(MIXED)[of_one]
    lines = {name: report[name]["platform"]["epe_px"] for name in report if name != "findings"}
    assert lines["sets"] == pytest.approx(np.hypot(0.5, 0.5), abs=0.02)
    mean = truth(TRAINING).mean(0)
    assert lines["mean_pose"] == pytest.approx(np.linalg.norm(points - mean, axis=-1).mean(), rel=1e-5)
    assert lines["image_centre"] == pytest.approx(np.linalg.norm(points - 23.5, axis=-1).mean(), rel=1e-5)
    assert 0 < lines["codec"] < 0.1


def test_without_training_data_there_is_no_mean_pose():
    report = evaluate_sets(Oracle(TRUTH), {"mine": FIGURES})
    assert "mean_pose" not in report and list(report["sets"]) == ["mine"]


def change_of(index, **values):
    """A change of one sample's labels: {"joint": ..., "point": ..., "visible": ...}."""

    def change(batch):
        points, visible = batch.points.copy(), batch.visible.copy()
        at = batch.indices == index
        points[at, values["joint"]], visible[at, values["joint"]] = values["point"], values["visible"]
        return {"points": points, "visible": visible}

    return change


def test_a_labelled_joint_without_a_position_is_refused():
    broken = Changed(FIGURES, change_of(4, joint=3, point=(np.nan, 2), visible=1))
    with pytest.raises(ValueError, match=r"sample 4 has joint 3 labelled, with visible 1, at \[nan, 2.0\]; give"):
        evaluate(Oracle(TRUTH), broken, batch_size=3)


def test_an_unlabelled_joint_may_be_anywhere():
    expected = evaluate(Oracle(TRUTH + 1), Changed(FIGURES, change_of(4, joint=3, point=(0, 0), visible=0)))
    for point in ((np.nan, np.nan), (-1, -1), (1e6, 0)):
        model, dataset = Oracle(TRUTH + 1), Changed(FIGURES, change_of(4, joint=3, point=point, visible=0))
        assert evaluate(model, dataset) == expected
        evaluate_sets(Oracle(TRUTH + 1), {"": dataset}, TRAINING)
    assert expected["report_score"] == pytest.approx(evaluate(Oracle(TRUTH + 1), FIGURES)["report_score"], rel=0.01)


def test_a_pose_without_a_head_is_left_out_of_pckh_alone():
    broken = Changed(FIGURES, change_of(4, joint=9, point=(0, 0), visible=0))
    points = TRUTH.copy()
    points[4] = points[4].mean(0)
    result = evaluate(Oracle(points), broken)
    assert result["pckh50"] == 1 and result["poses_without_head"] == 1 and result["epe_px"] > 0.5


def test_answers_that_are_not_finite_are_refused():
    class Broken(Codec):
        def decode(self, outputs):
            points, certainty = super().decode(outputs)
            points[-1, 2] = np.inf
            return points, certainty

    with pytest.raises(ValueError, match="the answer for joint 2 of sample 2 is not finite"):
        evaluate(Oracle(TRUTH), FIGURES, Broken(), batch_size=3)


def test_another_number_of_joints_is_refused():
    with pytest.raises(ValueError, match=r"points of shape \(7, 10, 2\) .* labels have shape \(7, 16, 2\)"):
        evaluate(Oracle(TRUTH[:, :10]), FIGURES)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="predict: batch_size must be at least 1"):
        predict(Oracle(TRUTH), FIGURES, batch_size=0)
    with pytest.raises(ValueError, match="read_labels: count must be at least 1"):
        read_labels(FIGURES, 0)

    class Empty(StickFigures):
        def __len__(self):
            return 0

    with pytest.raises(ValueError, match="evaluate_sets: datasets is empty"):
        evaluate_sets(Oracle(TRUTH), {})
    with pytest.raises(ValueError, match="predict: the data set is empty"):
        evaluate(Oracle(TRUTH), Empty("plain"))


ROW = {"pckh50": 0.9876, "epe_px": 1.234, "report_score": 0.0567, "pckh10": None}


def test_the_table_has_the_references_under_a_line():
    lines = table({"plain": ROW}, {"plain": {**ROW, "pckh50": 0.1}}, codec={"plain": {**ROW, "auc": 0.5}}).splitlines()
    assert lines[0].split() == ["test", "set", "PCKh@0.5", "PCKh@0.1", "AUC", "EPE", "(px)", "report_score"]
    assert lines[1].split() == ["plain", "0.988", "-", "-", "1.23", "0.057"]
    assert set(lines[2]) == {"-"}
    assert lines[3].split() == ["mean", "pose,", "plain", "0.100", "-", "-", "1.23", "0.057"]
    assert lines[4].split() == ["truth", "through", "codec,", "plain", "0.988", "-", "0.500", "1.23", "0.057"]
    assert len({len(line) for line in lines}) == 1
    assert len(table({"plain": ROW}).splitlines()) == 2


def test_findings_as_lines():
    finding = {"name": "n", "message": "it is wrong", "where": "a:b, line 3", "improvement": 0.5, "is_error": True}
    assert finding_lines([finding]) == ["error: it is wrong; look at a:b, line 3"]
    lines = finding_lines([{**finding, "is_error": False}, {**finding, "sets": ["a", "b"]}])
    assert lines[0].startswith("warning: it is wrong") and lines[1].startswith("error in a, b: it is wrong; look")


def test_a_finding_names_the_sets_that_it_is_about():
    points = np.concatenate([TRUTH, np.full_like(TRUTH, 24), np.full_like(TRUTH, 24)])
    named = {name: FIGURES for name in ("a", "b", "c")}
    report = evaluate_sets(Oracle(points), named, codec=Codec())
    (constant,) = (one for one in report["findings"] if one["name"] == "constant output")
    assert constant["sets"] == ["b", "c"]
    with pytest.raises(SuspiciousScores, match="are .* better: .*, seen in all; look at"):
        evaluate_sets(Oracle(truth(MIXED)[..., ::-1]), {"all": MIXED}, codec=Codec())


def test_the_table_of_joints():
    row = evaluate(Oracle(TRUTH + 30), FIGURES)
    lines = joint_table({"plain": row, "a long name": row}).splitlines()
    assert lines[0].split() == ["pckh50", "plain", "a", "long", "name"] and len(lines) == 17
    assert lines[7].split() == ["pelvis", "-", "-"] and lines[1].split() == ["right_ankle", "0.000", "0.000"]
    assert len({len(line) for line in lines}) == 1
    assert "pelvis" in joint_table({"plain": row}, "epe_px").splitlines()[7]


@pytest.mark.parametrize("head", models.HEADS)
def test_what_a_network_answers_is_read_as_its_head_says(head):
    model = models.create("resnet", width=2, head=head)
    codec = default_codec(model, (32, 64), sigma=2.0)
    kinds = {"heatmap": HeatmapCodec, "integral": IntegralCodec, "scalar": RegressionCodec}
    assert type(codec) is kinds[head] and codec.image_size == (32, 64)
    assert head == "scalar" or (codec.stride, codec.sigma) == (2, 2.0)
    figures = StickFigures("plain", "test", size=32, count=3)
    np.testing.assert_array_equal(
        predict(model, figures).points,
        default_codec(model, (32, 32)).decode(predict_outputs(model, figures.batch(range(3)).images))[0],
    )
