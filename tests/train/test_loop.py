import os
import signal

import numpy as np
import pytest

import minipose
from minipose import models
from minipose.data import StickFigures
from minipose.optim import Adam, CosineWithWarmup
from minipose.train import Interrupted, Trainer, evaluate_mean_pose, heatmap_loss, load_checkpoint, read_log
from minipose.train import loop as loop_module

ARCHITECTURE = {"name": "hourglass", "options": {"width": 4, "depth": 2}}


def trainer(out, steps=6, steps_per_epoch=2, batch_size=4, lr=2e-3, size=32, validation=8, **options):
    minipose.manual_seed(5)
    architecture = {**ARCHITECTURE, "options": {**ARCHITECTURE["options"], **options}}
    model = models.create("hourglass", **architecture["options"])
    optimizer = Adam(model.parameters(), lr=lr)
    return Trainer(
        model,
        optimizer,
        CosineWithWarmup(optimizer, steps, warmup_steps=max(1, steps // 10)),
        training=StickFigures("plain", "train", size, steps * batch_size),
        validation=StickFigures("plain", "val", size, validation),
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        out=out,
        architecture=architecture,
        settings={"size": size},
    )


def test_a_run_leaves_a_log_and_checkpoints(tmp_path):
    run = trainer(tmp_path)
    run.fit(6)
    rows = read_log(tmp_path / "log.csv")
    assert [(row.epoch, row.step) for row in rows] == [(1, 2), (2, 4), (3, 6)]
    assert all(row.images_per_second > 0 and row.seconds > 0 for row in rows)
    last, best = (load_checkpoint(tmp_path / name) for name in ("last.safetensors", "best.safetensors"))
    assert last.training["step"] == 6 and last.optimizer is not None and best.optimizer is None
    assert best.training["best"] == max(row.validation_pckh for row in rows)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole = trainer(tmp_path / "whole")
    whole.fit(6)
    trainer(tmp_path / "halves").fit(4)
    second = trainer(tmp_path / "halves")
    second.resume(load_checkpoint(tmp_path / "halves" / "last.safetensors"))
    second.fit(6)
    for (name, a), b in zip(whole.model.state_dict().items(), second.model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.data, b.data, err_msg=name)
    a, b = (read_log(tmp_path / name / "log.csv") for name in ("whole", "halves"))
    assert [(r.step, r.loss, r.validation_pckh) for r in a] == [(r.step, r.loss, r.validation_pckh) for r in b]


def test_two_runs_end_in_the_same_bits(tmp_path):
    states = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        run = trainer(tmp_path / name, steps=100, steps_per_epoch=50, width=16)
        run.fit(100)
        states.append({key: tensor.data.copy() for key, tensor in run.model.state_dict().items()})
    for key, values in states[0].items():
        np.testing.assert_array_equal(values, states[1][key], err_msg=key)


def test_every_step_sees_the_next_samples_in_training_mode(tmp_path, monkeypatch):
    run = trainer(tmp_path, steps=5)
    seen, batch = [], StickFigures.batch

    def record(figures, indices):
        if figures is run.training:
            seen.extend(indices)
        return batch(figures, indices)

    monkeypatch.setattr(StickFigures, "batch", record)
    run.model.eval()
    run.fit(5)
    assert seen == list(range(20))
    assert run.model.state_dict()["stem.1.num_batches_tracked"].item() == 5


def test_an_epoch_that_is_cut_short_is_scored_too(tmp_path):
    trainer(tmp_path, steps=5).fit(5)
    rows = read_log(tmp_path / "log.csv")
    assert [(row.epoch, row.step) for row in rows] == [(1, 2), (2, 4), (3, 5)]


def test_best_is_the_best_so_far_also_after_resuming(tmp_path, monkeypatch):
    results = iter([0.5, 0.3, 0.4, 0.5, 0.2])
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: {"pckh50": next(results), "epe_px": 1.0})

    def best():
        return load_checkpoint(tmp_path / "best.safetensors").training["step"]

    run = trainer(tmp_path, steps=10)
    for total, expected in ((2, 2), (4, 2)):
        run.fit(total)
        assert best() == expected and run.best == 0.5
    first_seconds = run.seconds
    run = trainer(tmp_path, steps=10)
    run.resume(load_checkpoint(tmp_path / "last.safetensors"))
    assert run.best == 0.5 and run.seconds == first_seconds
    for total, expected in ((6, 2), (8, 8), (10, 8)):  # of two equal ones the later
        run.fit(total)
        assert best() == expected and run.best == 0.5
    rows = read_log(tmp_path / "log.csv")
    assert len(rows) == 5
    for i, row in enumerate(rows):
        assert row.seconds >= sum(2 * 4 / earlier.images_per_second for earlier in rows[: i + 1]) > 0


def test_ctrl_c_finishes_the_step_and_saves(tmp_path, monkeypatch):
    run = trainer(tmp_path)
    step = run._train_step

    def press_ctrl_c_in_the_third_step(*batch):
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*batch)

    monkeypatch.setattr(run, "_train_step", press_ctrl_c_in_the_third_step)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted):
        run.fit(6)
    assert signal.getsignal(signal.SIGINT) is before
    assert load_checkpoint(tmp_path / "last.safetensors").training["step"] == 3


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, monkeypatch):
    run = trainer(tmp_path)
    run.model.heads[0].bias.data.fill(np.nan)
    with pytest.raises(FloatingPointError, match="the loss is nan at step 1: lower the learning rate"):
        run.fit(6)
    assert not (tmp_path / "best.safetensors").exists()


def test_best_cannot_be_resumed_from(tmp_path):
    trainer(tmp_path).fit(2)
    with pytest.raises(ValueError, match="no optimiser state; resume from last.safetensors"):
        trainer(tmp_path).resume(load_checkpoint(tmp_path / "best.safetensors"))


def test_the_loss_sums_the_stacks(rng):
    minipose.manual_seed(0)
    model = models.Hourglass(width=4, depth=2, stacks=3)
    images = minipose.tensor(rng.standard_normal((2, 3, 8, 12)).astype(np.float32))
    targets = rng.random((2, 16, 4, 6)).astype(np.float32)
    expected = sum(((maps.data - targets) ** 2).mean() for maps in model.forward_stacks(images))
    assert heatmap_loss(model, images, minipose.tensor(targets)).item() == pytest.approx(expected, rel=1e-5)


def test_targets_are_where_the_joints_are():
    batch = StickFigures("plain", "train", 48, 3).batch([0, 1, 2])
    maps = loop_module.targets_of(batch, 2)
    assert maps.shape == (3, 16, 24, 24)
    row, column = np.unravel_index(maps[1, 4].argmax(), (24, 24))
    x, y = batch.points[1, 4]
    assert abs(2 * column + 0.5 - x) <= 1 and abs(2 * row + 0.5 - y) <= 1


def test_a_small_network_learns(tmp_path):
    run = trainer(tmp_path, steps=120, steps_per_epoch=40, batch_size=16, lr=5e-3, size=32, validation=48, width=12)
    run.fit(120)
    rows = read_log(tmp_path / "log.csv")
    reference = evaluate_mean_pose(run.training, run.validation)
    assert rows[-1].loss < 0.65 * rows[0].loss
    assert rows[-1].validation_epe < reference["epe_px"] / 2
    assert rows[-1].validation_pckh > 3 * reference["pckh50"]
