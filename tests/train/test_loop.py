import multiprocessing
import os
import signal

import numpy as np
import pytest

import minipose
from minipose import models
from minipose.data import DataLoader, Dataset, StickFigures
from minipose.optim import Adam, CosineWithWarmup
from minipose.train import EMA, Callback, Interrupted, Trainer, evaluate_mean_pose, load_checkpoint, read_log
from minipose.train import loop as loop_module

ARCHITECTURE = {"name": "hourglass", "options": {"width": 4, "depth": 2}}


def trainer(out, steps=6, steps_per_epoch=2, batch_size=4, lr=2e-3, size=32, validation=8, more=None, **options):
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
        **(more or {}),
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


def test_a_fit_that_ends_inside_an_epoch_logs_it_in_two_parts_and_changes_no_weight(tmp_path):
    whole, parts = trainer(tmp_path / "whole"), trainer(tmp_path / "parts")
    whole.fit()
    parts.fit(3)
    parts.fit()
    same_weights(whole, parts)
    assert [row.step for row in parts.rows] == [2, 3, 4, 6] and [row.step for row in whole.rows] == [2, 4, 6]


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


def test_best_cannot_be_resumed_from(tmp_path):
    trainer(tmp_path).fit(2)
    with pytest.raises(ValueError, match="no optimiser state; resume from last.safetensors"):
        trainer(tmp_path).resume(load_checkpoint(tmp_path / "best.safetensors"))


def test_a_small_network_learns(tmp_path):
    run = trainer(tmp_path, steps=120, steps_per_epoch=40, batch_size=16, lr=5e-3, size=32, validation=48, width=12)
    run.fit(120)
    rows = read_log(tmp_path / "log.csv")
    reference = evaluate_mean_pose(run.training, run.validation)
    assert rows[-1].loss < 0.65 * rows[0].loss
    assert rows[-1].validation_epe < reference["epe_px"] / 2
    assert rows[-1].validation_pckh > 3 * reference["pckh50"]


def same_weights(a, b):
    for (name, x), y in zip(a.model.state_dict().items(), b.model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(x.data, y.data, err_msg=name)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_is_gone_through_again_and_resumed_in_the_middle(tmp_path, workers):
    begun = []

    class Loader(DataLoader):
        def batches(self, start=0):
            begun.append((self.epoch, start))
            return super().batches(start)

    def run(name, workers=0):
        run = trainer(tmp_path / name, steps=8, steps_per_epoch=4, more={"clip_norm": 0.01})
        figures = StickFigures("plain", "train", 32, 14)  # three batches: no divisor of an epoch
        run.training = Loader(figures, 4, shuffle=True, drop_last=True, workers=workers)
        run.ema = EMA(run.model, 0.9)
        return run

    whole = run("whole")
    whole.fit(8)
    run("parts").fit(5)
    second = run("parts", workers)
    second.resume(load_checkpoint(tmp_path / "parts" / "last.safetensors"))
    second.fit(8)
    assert begun == [(0, 0), (1, 0), (2, 0), (0, 0), (1, 0), (1, 2), (2, 0)]
    same_weights(whole, second)
    for name, average in whole.ema.arrays.items():
        np.testing.assert_array_equal(average, second.ema.arrays[name], err_msg=name)
    assert multiprocessing.active_children() == []


def test_unlabelled_joints_do_not_count(tmp_path):
    class Half(Dataset):
        """A data set whose joint 3 is nowhere, which its labels say or not."""

        def __init__(self, place, flag):
            self.figures, self.place, self.flag = StickFigures("plain", "train", 32, 8), place, flag

        def __len__(self):
            return 8

        def __getitem__(self, index):
            sample = self.figures[index]
            sample.points[3], sample.visible[3] = self.place, self.flag
            return sample

    runs = []
    for place, flag in ((5, 0), (20, 0), (20, 2)):
        run = trainer(tmp_path / str(len(runs)), steps=2)
        run.training = Half(place, flag)
        run.fit()
        runs.append(run)
    same_weights(runs[0], runs[1])
    with pytest.raises(AssertionError):
        same_weights(runs[1], runs[2])


def test_clipping_limits_the_gradients_of_every_update(tmp_path, monkeypatch):
    norms, step = [], Adam.step

    def look(optimizer):
        norms.append(sum((p.grad.data**2).sum() for p in optimizer.parameters()) ** 0.5)
        return step(optimizer)

    monkeypatch.setattr(Adam, "step", look)
    trainer(tmp_path / "free").fit(2)
    assert len(norms) == 2 and min(norms) > 0.011
    norms.clear()
    trainer(tmp_path / "clipped", more={"clip_norm": 0.01}).fit(2)
    assert norms == pytest.approx([0.01, 0.01], rel=1e-3)


def test_the_average_is_scored_and_becomes_the_best(tmp_path, monkeypatch):
    scored = []

    def look(model, *_):
        scored.append(model.state_dict()["stem.0.weight"].data.copy())
        return {"pckh50": 0.5, "epe_px": 1.0}

    monkeypatch.setattr(loop_module, "evaluate", look)
    run = trainer(tmp_path)
    run.ema = EMA(run.model, 0.99)
    run.fit(2)
    own, average = run.model.stem[0].weight.data, run.ema.arrays["stem.0.weight"]
    assert not np.array_equal(own, average)
    best, last = (load_checkpoint(tmp_path / name) for name in ("best.safetensors", "last.safetensors"))
    for found, expected in ((scored[0], average), (best.model["stem.0.weight"], average),
                            (last.model["stem.0.weight"], own), (last.average["stem.0.weight"], average)):  # fmt: skip
        np.testing.assert_array_equal(found, expected)


def test_patience_ends_the_run_and_outlasts_an_interruption(tmp_path, monkeypatch):
    scores = iter([0.5, 0.4, 0.5, 0.3, 0.9])
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: {"pckh50": next(scores), "epe_px": 1.0})
    first = trainer(tmp_path, steps=10, more={"patience": 3})
    first.fit(4)
    assert first.stale == 1 and not first.stop_reason
    second = trainer(tmp_path, steps=10, more={"patience": 3})
    second.resume(load_checkpoint(tmp_path / "last.safetensors"))
    second.fit()
    assert second.step == 8 and second.stop_reason == "no better validation score for 3 epochs"
    third = trainer(tmp_path, steps=10, more={"patience": 3})
    third.resume(load_checkpoint(tmp_path / "last.safetensors"))
    assert len(third.fit().rows) == 4 and third.step == 8
    third.patience = None
    third.fit()
    assert third.step == 10 and third.best == 0.9


def scored(out, scores, **more):
    """A trainer with one-step epochs whose networks have these scores, one after the other."""
    iterator = iter(scores)
    return trainer(out, len(scores), 1, more={"validate": lambda *_: {"validation_pckh": next(iterator)}, **more})


def best_step(folder):
    return load_checkpoint(folder / "best.safetensors").training["step"]


def test_a_score_that_is_nan_is_never_the_best(tmp_path):
    run = scored(tmp_path / "later", [0.5, np.nan, 0.25], patience=3)
    run.fit()
    assert (best_step(tmp_path / "later"), run.best, run.stale) == (1, 0.5, 2)
    with pytest.warns(UserWarning, match="the validation score is NaN: .*; the latest network is kept as the best$"):
        run = scored(tmp_path / "first", [np.nan, np.nan, -5.0, -7.0, -6.0])
        run.fit(2)
    assert best_step(tmp_path / "first") == 2 and run.stale == 0  # there is none to be worse than
    checkpoint = load_checkpoint(tmp_path / "first" / "last.safetensors")
    assert checkpoint.training["best"] is None
    run.resume(checkpoint)
    run.fit()
    assert (best_step(tmp_path / "first"), run.best, run.stale) == (3, -5, 2)


def test_a_run_of_an_earlier_version_has_no_best_score_where_it_says_minus_one(tmp_path):
    scored(tmp_path, [0.5, 0.4]).fit(1)
    checkpoint = load_checkpoint(tmp_path / "last.safetensors")
    checkpoint.training["best"] = -1.0
    run = trainer(tmp_path, 2, 1)
    run.resume(checkpoint)
    assert run.best == -np.inf


@pytest.mark.filterwarnings("ignore:Trainer. the validation score is NaN")
def test_patience_without_a_score_is_an_error_and_loses_nothing(tmp_path):
    with pytest.raises(ValueError, match="^Trainer: the validation score is NaN: .* no head is labelled. Without a sc"):
        scored(tmp_path, [np.nan] * 3, patience=2).fit()
    run = scored(tmp_path, [np.nan] * 3)
    run.resume(load_checkpoint(tmp_path / "last.safetensors"))
    assert run.step == 1
    run.patience = 2
    with pytest.raises(ValueError, match="patience=2 has nothing to wait for: leave it out, give a validation set"):
        run.fit()
    run.patience = None
    run.fit()
    assert run.step == 3


def test_random_numbers_go_on_where_they_were(tmp_path):
    drawn = []

    class Draw(Callback):
        def on_step_end(self, trainer):
            drawn.append(minipose.random.default_generator().random())

    trainer(tmp_path, more={"callbacks": [Draw()]}).fit(4)
    whole = drawn.copy()
    drawn.clear()
    trainer(tmp_path, more={"callbacks": [Draw()]}).fit(2)
    run = trainer(tmp_path, more={"callbacks": [Draw()]})
    run.resume(load_checkpoint(tmp_path / "last.safetensors"))
    run.fit(4)
    assert drawn == whole


def test_checkpoints_between_the_epochs(tmp_path):
    saved = []

    class Look(Callback):
        def on_step_end(self, trainer):
            path = tmp_path / "last.safetensors"
            saved.append(load_checkpoint(path).training["step"] if path.exists() else None)

    trainer(tmp_path, steps=10, steps_per_epoch=5, more={"checkpoint_every": 2, "callbacks": [Look()]}).fit(9)
    assert saved == [None, None, 2, 2, 4, 5, 6, 6, 8]


def test_a_checkpoint_of_another_kind_of_run_is_refused(tmp_path):
    trainer(tmp_path).fit(2)
    checkpoint = load_checkpoint(tmp_path / "last.safetensors")
    run = trainer(tmp_path)
    run.ema = EMA(run.model)
    with pytest.raises(ValueError, match="the checkpoint has no average of the weights, but an ema is set"):
        run.resume(checkpoint)
    del checkpoint.training["random"]
    with pytest.raises(ValueError, match="of an earlier version, .* can be used, but the run not be resumed"):
        trainer(tmp_path).resume(checkpoint)
