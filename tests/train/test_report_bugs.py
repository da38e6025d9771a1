"""The mistakes of the report that minipose reproduces, each planted, and each named or impossible.

B1 (a wrong reshape), B3 (targets not rescaled) and B4 (a Gaussian too narrow) are planted in tests/pose, B7 (limbs at
coordinate 0) in tests/data.
"""

import numpy as np
import pytest

from minipose import Tensor, nn, ops, pose
from minipose.data import StickFigures
from minipose.ops import mse_loss
from minipose.optim import Adam, AdamW
from minipose.train import SuspiciousScores, diagnose, duplicated_rows, evaluate, evaluate_sets, predict, read_labels
from tests.train.oracles import SIZE, Changed, Codec, Oracle, answers, figures, truth

FIGURES = figures()
TRUTH = truth(FIGURES)
FLIP = list(pose.STICK_FIGURE.flip)
PLACE = r"[\w.]+:[\w.]+, line \d+"


def noisy(points, seed=0):
    """As a good network answers."""
    return (points + np.random.default_rng(seed).normal(0, 1, points.shape)).clip(0, SIZE - 1)


def found(points, dataset=FIGURES, codec=None, **options):
    codec = Codec() if codec is None else codec
    predictions = answers(points, dataset, codec=codec, **options)
    return {finding.name: finding for finding in diagnose(predictions, codec, Oracle(points), dataset)}


class TransposedTargets(Codec):
    """np.outer(gauss(x), gauss(y)), and read back in the same way."""

    def encode(self, points, visible):
        return super().encode(points[..., ::-1], visible)

    def decode(self, outputs):
        points, scores = super().decode(outputs)
        return points[..., ::-1], scores


class RowAndColumn(Codec):
    """np.unravel_index gives (row, column), which is taken for (x, y)."""

    def decode(self, outputs):
        points, scores = super().decode(outputs)
        return points[..., ::-1], scores


def test_b2_transposed_targets_that_are_read_as_they_were_written():
    errors = found(noisy(TRUTH), codec=TransposedTargets())
    assert errors["transposed targets"].is_error
    assert "test_report_bugs:TransposedTargets.encode, line" in errors["transposed targets"].where


def test_b2_a_network_that_learnt_transposed_maps():
    errors = found(noisy(TRUTH), change=lambda maps: maps.swapaxes(2, 3))
    assert errors["transposed heatmaps"].is_error and "oracles:Oracle.forward" in errors["transposed heatmaps"].where
    assert errors["x and y exchanged"].is_error and "transposed targets" not in errors


def test_n3_x_and_y_exchanged_in_the_decoder():
    errors = found(noisy(TRUTH), codec=RowAndColumn())
    assert list(errors) == ["x and y exchanged", "lossy codec"]
    assert errors["x and y exchanged"].is_error and "RowAndColumn.decode" in errors["x and y exchanged"].where


def test_n3_x_and_y_exchanged_in_the_labels():
    dataset = Changed(FIGURES, lambda batch: {"points": batch.points[..., ::-1]})
    errors = found(noisy(TRUTH), dataset)
    assert next(iter(errors)) == "x and y exchanged"  # before the transposed heatmaps, which look alike
    assert errors["x and y exchanged"].is_error and "oracles:Changed.batch" in errors["x and y exchanged"].where


def test_n3_x_and_y_exchanged_by_a_network_that_learnt_no_more_than_the_mean_pose():
    mean = pose.mean_pose(truth(figures(split="train")))
    errors = found(np.broadcast_to(mean[:, ::-1], TRUTH.shape))
    assert set(errors) == {"x and y exchanged", "transposed heatmaps", "constant output"}
    assert errors["x and y exchanged"].is_error


@pytest.mark.parametrize("exchange", [False, True])
def test_flipped_images_with_the_labels_left_as_they_were(exchange):
    dataset = Changed(FIGURES, lambda batch: {"images": batch.images[:, :, ::-1]})
    seen = noisy(TRUTH)
    seen[..., 0] = SIZE - 1 - seen[..., 0]
    errors = found(seen[:, FLIP] if exchange else seen, dataset)
    name = "mirrored with exchange" if exchange else "mirrored"
    assert next(iter(errors)) == name and errors[name].is_error and errors[name].improvement > 0.5


def test_flipped_without_the_exchange_of_right_and_left():
    dataset = Changed(FIGURES, lambda batch: {"points": batch.points[:, FLIP]})
    errors = found(noisy(TRUTH), dataset)
    assert next(iter(errors)) == "right and left exchanged" and errors["right and left exchanged"].is_error


def test_b5_weight_decay_is_no_part_of_the_loss():
    # In the report's loss it was thousands of times the heatmaps' part. AdamW shrinks by lr * decay, whatever the loss.
    weights = []
    for scale in (1e-3, 1.0):
        weight = nn.Parameter(np.array([1.0]))
        optimizer = AdamW([weight], lr=0.1, weight_decay=0.01, eps=1e-12)
        (weight * scale).sum().backward()
        optimizer.step()
        weights.append(weight.item())
    assert weights == pytest.approx([1 * (1 - 0.1 * 0.01) - 0.1] * 2)
    assert Adam([nn.Parameter(np.ones(1))]).param_groups[0]["weight_decay"] == 0


def test_b5_a_network_whose_maps_were_pressed_to_zero():
    warnings = found(noisy(TRUTH), change=lambda maps: maps * 1e-4)
    assert list(warnings) == ["heatmaps without a peak"]
    assert "weight decay" in warnings["heatmaps without a peak"].message
    assert "heatmaps without a peak" in found(noisy(TRUTH), change=lambda maps: maps * 0)
    partly = found(noisy(TRUTH), change=lambda maps: maps * (np.arange(16) > 2)[:, None, None])
    assert "only 81 % of the heatmaps" in partly["heatmaps without a peak"].message


def test_b6_training_figures_are_smaller_than_test_figures():
    def shrunk(batch):
        return {"points": (batch.points - 24) * np.array([0.3, 0.6], np.float32) + 24}

    training = Changed(figures(split="train"), shrunk)
    predictions = answers(TRUTH, FIGURES)
    (warning,) = diagnose(predictions, Codec(), training=training)
    assert warning.name == "scale mismatch" and not warning.is_error and "Changed.batch" in warning.where
    assert diagnose(predictions, Codec(), training=figures(split="train")) == []


def test_b8_labels_cut_off_to_integers():
    dataset = Changed(FIGURES, lambda batch: {"points": np.floor(batch.points)})
    warnings = found(noisy(TRUTH), dataset)
    assert list(warnings) == ["labels in whole pixels"]


@pytest.mark.parametrize("cut", [False, True])
def test_b8_labels_between_0_and_1(cut):
    def normalised(batch):
        points = batch.points / SIZE
        return {"points": points.astype(np.int64).astype(np.float32) if cut else points}

    warnings = found(noisy(TRUTH), Changed(FIGURES, normalised))
    assert warnings["labels between 0 and 1"].is_error is not cut  # of the integers nothing is left to compare with
    assert ("labels in whole pixels" in warnings) is cut


@pytest.mark.parametrize("with_names", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_b9_file_names_sorted_as_text(with_names, back):
    order = np.array(sorted(range(128), key=str))
    order = np.argsort(order) if back else order

    def named(batch):
        return {"names": tuple(f"test_{i}.png" for i in batch.indices)}

    dataset = Changed(FIGURES, lambda batch: named(batch) if with_names else {})
    errors = found(noisy(TRUTH)[order], dataset)
    assert list(errors) == ["names sorted as text"] and errors["names sorted as text"].is_error


@pytest.mark.parametrize("seed", range(3))
def test_b9_any_other_order(seed):
    order = np.random.default_rng(seed).permutation(64)
    predicted = noisy(TRUTH)
    predicted[:64] = predicted[:64][order]
    errors = found(predicted)
    assert list(errors) == ["predictions in another order"] and errors["predictions in another order"].is_error
    everywhere = np.random.default_rng(seed).permutation(len(TRUTH))
    assert list(found(noisy(TRUTH)[everywhere])) == ["predictions in another order"]
    shifted = found(np.roll(noisy(TRUTH), 1, axis=0))
    assert list(shifted) == ["predictions in another order"]


def test_b10_validation_data_are_the_training_data():
    validation = figures(split="train")
    warnings = diagnose(answers(TRUTH, validation), training=figures(split="train", count=200))
    assert [finding.name for finding in warnings] == ["overlap between splits"]
    assert "128 of 128 test images are among the first 200" in warnings[0].message


def test_b10_the_same_poses_in_other_images():
    validation = Changed(figures(split="train"), lambda batch: {"images": 255 - batch.images})
    (warning,) = diagnose(answers(TRUTH, validation), training=figures(split="train", count=3))
    assert "3 of 128 test poses, in other images, are" in warning.message


def test_b10_splits_share_nothing():
    splits = [read_labels(StickFigures("plain", split, 32, 300)) for split in ("train", "val", "test")]
    assert len({one for labels in splits for one in labels.hashes}) == 900


def test_b11_images_saved_as_labels():
    def exchanged(batch):
        return {"images": batch.points, "points": batch.images}

    with pytest.raises(ValueError, match=r"predict: images must be uint8 .* were images and labels exchanged\?"):
        evaluate(Oracle(TRUTH), Changed(FIGURES, exchanged))
    with pytest.raises(ValueError, match=r"predict: points must have shape \(N, J, 2\)"):
        evaluate(Oracle(TRUTH), Changed(FIGURES, lambda batch: {"points": batch.images}))


def test_b12_the_decoder_gives_4_4_for_any_input():
    class Constant(Codec):
        def decode(self, outputs):
            points, scores = super().decode(outputs)
            return np.full_like(points, 4), scores

    warnings = found(noisy(TRUTH), codec=Constant())
    assert "constant output" in warnings and "(4.0, 4.0)" in warnings["constant output"].message
    assert "lossy codec" in warnings  # so it is the codec, and not the network


def test_b13_features_joined_on_the_batch_axis():
    class Net(nn.Module):
        output_stride = 2

        def __init__(self, channels):
            super().__init__()
            self.inside, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(channels, 16, 2, stride=2)

        def forward(self, images):
            features = self.inside(images)
            return self.head(ops.cat([features, features], dim=0))

    images = Tensor(np.zeros((2, 3, 8, 8), np.float32))
    with pytest.raises(ValueError, match="input has 4 channels .* but weight expects 8"):
        Net(8)(images)  # the head of a U-Net, which expects the channels of both
    with pytest.raises(ValueError, match="shape"):
        mse_loss(Net(4)(images), Tensor(np.zeros((2, 16, 4, 4), np.float32)))
    with pytest.raises(ValueError, match=r"an output of shape \(256, 16, 24, 24\) for 128 images"):
        predict(Net(4), FIGURES, batch_size=128)


@pytest.mark.parametrize("out_channels, stride", [(4, 1), (6, 1), (4, 2)])
def test_b13_a_residual_block_adds_its_input_whatever_its_shape(out_channels, stride):
    # The report's addition was a NameError that no block of stride 2 ever reached.
    block = nn.ResidualBlock(4, out_channels, stride)
    for parameter in block.branch.parameters():
        parameter.data[...] = 0
    x = np.random.default_rng(0).standard_normal((2, 4, 8, 8)).astype(np.float32)
    assert block(Tensor(x)).data.std() > 0.1


def test_b14_no_backdrop_is_shared_by_training_and_test_data():
    # No figure reaches the outermost three pixels, so there the backdrop shows alone.
    frames = []
    for split in ("train", "val", "test"):
        images = StickFigures("platform", split, 64, 150).batch(np.arange(150)).images
        frames.append({image[:3].tobytes() + image[-3:].tobytes() for image in images})
    assert min(map(len, frames)) > 140
    assert not frames[0] & frames[1] and not frames[0] & frames[2] and not frames[1] & frames[2]


def test_b15_two_rows_of_the_table_are_the_same():
    row = {"epe_px": 3.25, "report_score": 0.5}
    assert duplicated_rows({"a": row, "b": {**row, "epe_px": 3.26}}) is None
    warning = duplicated_rows({"inception": row, "other": {}, "hourglass": dict(row)})
    assert "the rows 'inception' and 'hourglass' have the same scores" in warning.message
    perfect = {"epe_px": 0.0, "report_score": 0.0}
    assert duplicated_rows({"a": perfect, "b": perfect}) is None
    report = evaluate_sets(Oracle(np.concatenate([TRUTH, TRUTH]) * 0.9), {"a": FIGURES, "b": FIGURES}, codec=Codec())
    assert [finding["name"] for finding in report["findings"]] == ["duplicated rows"]


@pytest.mark.parametrize("copies", ["all", "two"])
def test_all_joints_have_the_same_map(copies):
    channels = [0] * 16 if copies == "all" else [0, 1, 1, *range(3, 16)]
    warnings = found(noisy(TRUTH), change=lambda maps: maps[:, channels])
    message = warnings["duplicated heatmaps"].message
    assert "of all joints" in message if copies == "all" else "of right_knee and right_hip are" in message


def test_an_error_stops_the_evaluation_and_keeps_what_it_had():
    swapped = Oracle(noisy(TRUTH)[..., ::-1])
    with pytest.raises(SuspiciousScores, match=f"with x and y exchanged .* better.*look at {PLACE}") as caught:
        evaluate_sets(swapped, {"circles": FIGURES})
    assert caught.value.report["sets"]["circles"]["pckh50"] < 0.5
    assert all(finding.is_error for finding in caught.value.findings)
    report = evaluate_sets(Oracle(noisy(TRUTH)[..., ::-1]), {"circles": FIGURES}, strict=False)
    assert report == caught.value.report
    assert report["findings"][0]["is_error"] and report["findings"][0]["improvement"] > 0.5
