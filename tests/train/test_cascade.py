import dataclasses
import importlib.util
import json
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import minipose
from minipose.data import StickFigures
from minipose.models import CascadeStage
from minipose.pose import STICK_FIGURE
from minipose.train import Cascade, Config, Trainer, fit_errors, load_checkpoint, save_checkpoint, train, train_stage
from minipose.train.cascade import Errors, pose_diameters

EXAMPLE = Path(__file__).parents[2] / "examples" / "deeppose_cascade.py"
NAMES = STICK_FIGURE.names
TORSO = [NAMES.index("left_shoulder"), NAMES.index("right_hip")]


def errors_of(std, joints=16):
    return Errors(np.zeros((joints, 2)), np.tile(std**2 * np.eye(2), (joints, 1, 1)))


def small_stages(count=2):
    minipose.manual_seed(0)
    return [CascadeStage(width=4, hidden=8, size=16) for _ in range(count)]


def test_the_diameter_is_from_left_shoulder_to_right_hip_and_never_nothing(rng):
    points = rng.uniform(0, 64, (3, 16, 2))
    points[1, NAMES.index("left_shoulder")] = points[1, NAMES.index("right_hip")] = 5
    points[0, NAMES.index("left_shoulder")], points[0, NAMES.index("right_hip")] = (10, 10), (7, 6)
    diameters = pose_diameters(points, (64, 48))
    assert diameters[0] == 5 and diameters[1] == 4  # a sixteenth of 64
    visible = np.full((3, 16), 2)
    np.testing.assert_array_equal(pose_diameters(points, (64, 48), visible), diameters)
    visible[0, TORSO[0]] = visible[2, TORSO[1]] = 0
    np.testing.assert_array_equal(pose_diameters(points, (64, 48), visible), [np.nan, 4, np.nan])


def test_draws_have_the_distribution_of_the_errors(rng):
    true = rng.uniform(10, 50, (4000, 16, 2))
    true[:, NAMES.index("left_shoulder")], true[:, NAMES.index("right_hip")] = (40, 20), (24, 32)  # 20 apart
    covariances = np.array([[[4.0, 1.5], [1.5, 1.0]]] * 16) * np.arange(1, 17)[:, None, None]
    means = np.stack([np.arange(16), -np.arange(16)], 1).astype(float)
    noise = (np.linalg.cholesky(covariances) @ rng.standard_normal((4000, 16, 2, 1)))[..., 0]
    predicted, visible = true + means + noise, np.full((4000, 16), 2)
    visible[::2, 3] = 0
    predicted[::2, 3] += 1000  # unlabelled: does not count
    errors = fit_errors(predicted, true, visible, (64, 64))
    np.testing.assert_allclose(errors.means * 20, means, atol=0.25)
    np.testing.assert_allclose(errors.covariances * 400, covariances, rtol=0.15, atol=0.8)
    draws = errors.draw(20000, rng) * 20
    np.testing.assert_allclose(draws.mean(axis=0), means, atol=0.3)
    for joint in range(16):
        np.testing.assert_allclose(np.cov(draws[:, joint].T), covariances[joint], rtol=0.15, atol=1.2)


def test_a_joint_without_labels_is_named(rng):
    points, visible = rng.uniform(10, 50, (5, 16, 2)), np.full((5, 16), 2)
    visible[1:, 7] = 0
    with pytest.raises(ValueError, match="^fit_errors: joint 7 is labelled in 1 of the poses .*, but two are needed"):
        fit_errors(points, points, visible, (64, 64))


@pytest.mark.parametrize("end", TORSO)
def test_poses_without_a_torso_do_not_count(end, rng):
    true, visible = rng.uniform(10, 50, (60, 16, 2)), np.full((60, 16), 2)
    predicted = true + rng.standard_normal(true.shape)
    expected = fit_errors(predicted[::2], true[::2], visible[::2], (64, 64))
    true[1::2, end] = visible[1::2, end] = 0  # where a data set has no position
    errors = fit_errors(predicted.tolist(), true.tolist(), visible.tolist(), (64, 64))
    np.testing.assert_array_equal(errors.means, expected.means)
    np.testing.assert_array_equal(errors.covariances, expected.covariances)


@pytest.mark.parametrize(("change", "message"), [
    ({"predicted": np.zeros((1, 16, 2))}, "predicted points have shape (1, 16, 2) but true points (4, 16, 2)"),
    ({"predicted": np.full((4, 16, 2), np.nan)}, "predicted points hold NaN or infinity"),
    ({"true": np.zeros((4, 16, 3))}, "true points must have shape (N, J, 2)"),
    ({"visible": np.ones((1, 16), int)}, "visible must have shape (N, J) = (4, 16), got (1, 16)"),
    ({"predicted": np.zeros((4, 5, 2)), "true": np.zeros((4, 5, 2))}, "poses have 5 joints but the skeleton has 16"),
    ({"predicted": np.zeros((0, 16, 2)), "true": np.zeros((0, 16, 2))}, "predicted points must have shape (N, J, 2)"),
])  # fmt: skip
def test_wrong_poses_are_named(change, message):
    right = {"predicted": np.zeros((4, 16, 2)), "true": np.ones((4, 16, 2)), "visible": np.ones((4, 16), int)}
    with pytest.raises(ValueError, match=f"^fit_errors: {re.escape(message)}"):
        fit_errors(**right | change, image_size=(64, 64))


class Towards(CascadeStage):
    """A stage that has learnt nothing: it moves every joint by a tenth of the crop to the right, a fifth up."""

    def forward(self, input, joints):
        return minipose.Tensor(np.tile(np.float32([0.1, -0.2]), (len(input), 1))) + 0 * self.linear[-1].bias


def test_displacements_are_in_sides_of_the_crop_and_stages_go_one_after_the_other():
    batch = StickFigures(count=40).batch(np.arange(40))  # more than are refined at once
    points = batch.points.astype(np.float64)
    cascade = Cascade([Towards(width=4), Towards(width=4)], sigma=1.25)
    first, second = cascade.refine(list(batch.images), points.tolist())
    assert not any(stage.training for stage in cascade.stages)
    sides = 1.25 * np.fmax(
        np.linalg.norm(points[:, NAMES.index("left_shoulder")] - points[:, NAMES.index("right_hip")], axis=1), 4
    )
    np.testing.assert_allclose(first - points, (sides[:, None] * (0.1, -0.2))[:, None].repeat(16, 1), atol=1e-4)
    np.testing.assert_allclose(second - points, 2 * (first - points), atol=1e-4)  # a diameter as before
    assert second.dtype == np.float32


def test_training_brings_displaced_joints_back(rng):
    minipose.manual_seed(0)
    stage, losses = CascadeStage(width=8, hidden=32, size=16), []
    figures = StickFigures("plain", count=90 * 8)
    train_stage(stage, figures, errors_of(0.3), steps=90, batch_size=8, say=lambda step, loss: losses.append(loss))
    assert len(losses) == 90 and not stage.training
    batch = StickFigures("plain", "val", count=32).batch(np.arange(32))
    diameters = pose_diameters(batch.points, (64, 64))[:, None, None]
    displaced = batch.points + diameters * errors_of(0.3).draw(32, rng)
    refined = Cascade([stage]).refine(batch.images, displaced)[0]
    before, after = (np.linalg.norm((p - batch.points) / diameters, axis=-1).mean() for p in (displaced, refined))
    assert after < 0.85 * before
    assert losses[0] == pytest.approx(0.3 * np.sqrt(2 / np.pi) / 1.5, rel=0.15)  # |normal| in sides of the crop


def test_joints_without_labels_are_not_trained():
    class Unlabelled(StickFigures):
        def batch(self, indices):
            batch = super().batch(indices)
            batch.visible[:] = 0
            return batch

    stage, losses = small_stages(1)[0], []
    train_stage(stage, Unlabelled(count=4), errors_of(1.0), steps=1, batch_size=4, say=lambda _, x: losses.append(x))
    assert losses == [0]


AWAY = Errors(np.tile([-0.15, 0.3], (16, 1)), np.zeros((16, 2, 2)))  # what `Towards` undoes where sigma is 1.5


def losses_of(stage, figures, errors, steps=1, batch_size=4, **settings):
    losses = []
    train_stage(stage, figures, errors, 1.5, steps, batch_size, say=lambda _, loss: losses.append(loss), **settings)
    return losses


@pytest.mark.parametrize("end", TORSO)
def test_a_stage_is_trained_to_undo_the_errors_of_poses_with_a_torso(end):
    class Headless(StickFigures):
        def batch(self, indices):
            batch = super().batch(indices)
            batch.visible[:2, end] = batch.points[:2, end] = 0
            return batch

    assert losses_of(Towards(width=4, size=16), StickFigures(count=4), AWAY) == pytest.approx([0], abs=1e-6)
    twice = Errors(2 * AWAY.means, AWAY.covariances)
    assert losses_of(Towards(width=4, size=16), StickFigures(count=4), twice) == pytest.approx([0.15])
    assert losses_of(Towards(width=4, size=16), Headless(count=4), twice) == pytest.approx([0.075])


def test_a_stage_sees_no_sample_twice_and_comes_to_rest():
    asked, weights = [], []

    class Recorded(StickFigures):
        def batch(self, indices):
            asked.extend(indices)
            return super().batch(indices)

    stage = small_stages(1)[0]
    train_stage(stage, Recorded(count=70), errors_of(0.3), steps=30, batch_size=2,
                say=lambda *_: weights.append(stage.linear[0].weight.data.copy()))  # fmt: skip
    assert asked == list(range(60))
    moves = np.abs(np.diff(weights, axis=0)).max(axis=(1, 2))
    assert moves.max() > 1e-3 and moves[-1] < 1e-4  # the learning rate was 2e-3


def test_the_displacements_are_those_of_the_seed():
    first, same, other = (
        losses_of(small_stages(1)[0], StickFigures(count=8), errors_of(0.3), 2, seed=seed) for seed in (0, 0, 1)
    )
    assert first == same and first[0] != other[0]


def test_a_loss_that_is_no_number_ends_the_training():
    stage = small_stages(1)[0]
    stage.linear[-1].bias.data[:] = np.nan
    message = "^train_stage: the loss is nan at step 1; begin anew with a learning rate of 0.001 instead of 0.003$"
    with pytest.raises(FloatingPointError, match=message):
        losses_of(stage, StickFigures(count=4), errors_of(0.3), learning_rate=3e-3)


@pytest.mark.parametrize(("options", "message"), [
    ({"steps": 3}, "3 steps of 2 need 6 samples, not 4"),
    ({"steps": 0}, "steps must be at least 1, not 0"),
    ({"sigma": 0.0}, "sigma must be a number from 0.01 up to 100, not 0.0"),
])  # fmt: skip
def test_wrong_settings_are_named(options, message):
    settings = {"steps": 2, "batch_size": 2} | options
    with pytest.raises(ValueError, match=f"^train_stage: {re.escape(message)}"):
        train_stage(small_stages(1)[0], StickFigures(count=4), errors_of(0.1), **settings)


@pytest.mark.parametrize(("stage", "errors", "message"), [
    (CascadeStage(width=4, joints=5), errors_of(0.1), "stage must have joints=16, not 5"),
    (CascadeStage(width=4, in_channels=1), errors_of(0.1), "stage must have in_channels=3, not 1"),
    (CascadeStage(width=4), errors_of(0.1, joints=1), "errors must have means of shape (16, 2), not (1, 2)"),
])  # fmt: skip
def test_what_is_of_other_joints_is_not_trained(stage, errors, message):
    with pytest.raises(ValueError, match=f"^train_stage: {re.escape(message)}$"):
        train_stage(stage, StickFigures(count=4), errors, steps=1, batch_size=4)


def test_poses_of_other_joints_are_not_trained():
    class Fewer(StickFigures):
        def batch(self, indices):
            batch = super().batch(indices)
            return dataclasses.replace(batch, points=batch.points[:, :5], visible=batch.visible[:, :5])

    with pytest.raises(ValueError, match="^train_stage: poses have 5 joints but the skeleton has 16$"):
        losses_of(small_stages(1)[0], Fewer(count=4), errors_of(0.1))


@pytest.mark.parametrize(("stages", "sigma", "error", "message"), [
    ([], 0.0, ValueError, "sigma must be a number from 0.01 up to 100, not 0.0"),
    ([], "1", TypeError, "sigma must be a number, not '1'"),
    ([CascadeStage(width=4)] * 2 + [CascadeStage(width=5)], 1, ValueError, "stages[2] must have width=4, not 5"),
    ([CascadeStage(joints=5)], 1, ValueError, "stages[0] must have joints=16, not 5"),
    ([CascadeStage(in_channels=1)], 1, ValueError, "stages[0] must have in_channels=3, not 1"),
    ([minipose.nn.ReLU()], 1, TypeError, "stages[0] must be a CascadeStage, not ReLU()"),
])  # fmt: skip
def test_wrong_stages_are_named(stages, sigma, error, message):
    with pytest.raises(error, match=f"^Cascade: {re.escape(message)}$"):
        Cascade(stages, sigma)


def test_a_cascade_is_saved_and_read(tmp_path):
    minipose.manual_seed(0)
    cascade = Cascade([CascadeStage(np.int64(4), 8, size=np.int64(16)) for _ in range(2)], sigma=np.float32(1.25))
    for stage in cascade.stages:
        stage.linear[-1].weight.data *= 100
    batch = StickFigures(count=3).batch(np.arange(3))
    expected = cascade.refine(batch.images, batch.points)
    cascade.save(tmp_path / "cascade.safetensors")
    read = Cascade.load(tmp_path / "cascade.safetensors")
    assert read.sigma == 1.25 and len(read.stages) == 2
    np.testing.assert_array_equal(read.refine(batch.images, batch.points), expected)
    content = (tmp_path / "cascade.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^Cascade.load: .*half.safetensors is not a whole safetensors file"):
        Cascade.load(tmp_path / "half.safetensors")
    with pytest.raises(FileNotFoundError, match="^Cascade.load: there is no file"):
        Cascade.load(tmp_path / "none.safetensors")
    save_checkpoint(tmp_path / "network.safetensors", cascade.stages[0], {})
    with pytest.raises(ValueError, match="format must be 'minipose cascade 1', not 'minipose checkpoint 2'$"):
        Cascade.load(tmp_path / "network.safetensors")
    with pytest.raises(ValueError, match="^Cascade.save: the cascade must have a stage at least"):
        Cascade([]).save(tmp_path / "empty.safetensors")
    read.stages[1] = CascadeStage(width=5)
    with pytest.raises(ValueError, match=r"^Cascade.save: stages\[1\] must have width=4, not 5$"):
        read.save(tmp_path / "odd.safetensors")


@pytest.mark.parametrize(("images", "points", "message"), [
    ((3, 64, 64, 3), np.zeros((2, 16, 2)), "points must be a pose for each of 3 images, not 2"),
    ((3, 64, 64, 3), np.zeros((3, 5, 2)), "poses have 5 joints but the skeleton has 16"),
    ((3, 64, 64, 3), np.full((3, 16, 2), np.nan), "points hold NaN or infinity"),
    ((3, 64, 64, 3), np.zeros((3, 16)), "points must have shape (N, J, 2)"),
    ((0, 64, 64, 3), np.zeros((0, 16, 2)), "points must have shape (N, J, 2) and not be empty, got (0, 16, 2)"),
    ((3, 64, 64), np.zeros((3, 16, 2)), "images must be uint8 of shape (N, H, W, 3), got uint8 of (3, 64, 64)"),
])  # fmt: skip
def test_what_cannot_be_refined_is_named(images, points, message):
    with pytest.raises(ValueError, match=f"^Cascade.refine: {re.escape(message)}"):
        Cascade(small_stages(1)).refine(np.zeros(images, np.uint8), points)


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("deeppose_cascade", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(example, monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--dry-run", *map(str, options)])
    return example.main()


def test_the_example_trains_refines_and_does_not_overwrite(example, monkeypatch, tmp_path, capsys):
    out = tmp_path / "new" / "cascade"
    assert run(example, monkeypatch, "--out", out) == 0
    assert "platform, stage 2" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {*example.FILES, "network", ".lock"}
    assert load_checkpoint(out / "network" / "best.safetensors").build().head_kind == "scalar"
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics["sets"]) == ["plain", "circles", "shapes", "platform"]
    assert all(list(rows) == ["network", "stage 1", "stage 2"] for rows in metrics["sets"].values())
    assert metrics["settings"] == {
        "epochs": 1, "stages": 2, "stage_steps": 2, "sigma": 1.5, "seed": 0, "run": None
    }  # fmt: skip
    cascade = Cascade.load(out / "cascade.safetensors")
    assert len(cascade.stages) == 2 and cascade.sigma == 1.5
    before = {path: path.read_bytes() for path in out.glob("*.*")}
    assert run(example, monkeypatch, "--out", out, "--stages", 1) == 1
    assert "holds a cascade already: replace it by --overwrite" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in out.glob("*.*")}


def test_the_example_loses_no_results_before_the_network_is_trained_anew(example, monkeypatch, tmp_path, capsys):
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "config.json").write_text("{}")
    for name in example.FILES:
        (tmp_path / name).write_text("earlier")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def refuse(*arguments, **options):
        raise ValueError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(example, "train", refuse)
        assert run(example, monkeypatch, "--out", tmp_path, "--overwrite") == 1
    assert capsys.readouterr().err == "error: refused\n"
    with pytest.raises(SystemExit, match="2"):
        run(example, monkeypatch, "--out", tmp_path, "--overwrite", "--resume", "--seed", 5)
    assert {path: path.read_bytes() for path in before} == before

    class Enough(Exception):
        pass

    def look(trainer):
        assert not any((tmp_path / name).exists() for name in example.FILES)
        raise Enough

    monkeypatch.setattr(Trainer, "_run", lambda trainer, *_: look(trainer))
    with pytest.raises(Enough):
        run(example, monkeypatch, "--out", tmp_path, "--overwrite")


def test_every_stage_of_every_run_has_seeds_of_its_own(example, monkeypatch):
    seeds = []

    def look(stage, figures, errors, *sizes, seed, say):
        seeds.append((figures.seed, minipose.random.default_generator().integers(2**32), seed))

    errors = errors_of(0.1)
    answers = types.SimpleNamespace(points=np.zeros((2, 16, 2)), true=0, visible=0, image_size=(64, 64))
    for name in ("default_codec", "predict"):
        monkeypatch.setattr(example, name, lambda *_: answers)
    monkeypatch.setattr(example, "fit_errors", lambda *_: errors)
    monkeypatch.setattr(example, "train_stage", look)
    monkeypatch.setattr(Cascade, "refine", lambda cascade, images, points: [points])
    options = example.make_parser().parse_args(["--dry-run", "--stages", "3"])
    for seed in range(3):
        example.train_cascade(Config(seed=seed), None, options, say=lambda text: None)
    assert len(seeds) == 9 and all(len(set(column)) == 9 for column in zip(*seeds, strict=True))
    figures, _, moves = zip(*seeds, strict=True)
    assert not set(figures) & set(range(10))  # nor those of the networks
    assert (figures[1], moves[1]) == tuple(np.random.SeedSequence([0, 2]).generate_state(3)[[0, 2]])


def test_the_example_refines_the_network_of_any_run(example, monkeypatch, tmp_path, capsys):
    config = Config(size=32, width=4, options={"depth": 2}, epochs=9, seed=7).dry()
    train(config, tmp_path / "run")
    given = ("--run", tmp_path / "run", "--out", tmp_path / "out", "--stages", 1)
    for ignored in (("--epochs", 3), ("--seed", 0), ("--resume",)):
        assert run(example, monkeypatch, *given, *ignored) == 1
        assert "error: --epochs, --seed and --resume are for the training of DeepPose; " in capsys.readouterr().err
    assert run(example, monkeypatch, *given) == 0
    assert not (tmp_path / "out" / "network").exists()
    settings = json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]
    assert (settings["epochs"], settings["seed"], settings["run"]) == (1, 7, str(tmp_path / "run"))
    assert run(example, monkeypatch, "--run", tmp_path / "none", "--out", tmp_path / "other") == 1
    assert "there is no file" in capsys.readouterr().err and not (tmp_path / "other").exists()
