import argparse
import dataclasses
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from minipose.data import DataLoader, StickFigures
from minipose.optim import Adam, AdamW
from minipose.train import (
    Callback,
    Config,
    add_run_arguments,
    build_trainer,
    figures_of,
    load_checkpoint,
    locked_folder,
    make_test_sets,
    run_from_arguments,
    score_run,
    train,
)
from minipose.train import folder as folder_module
from minipose.train import run as run_module

SMALL = Config(width=4, options={"depth": 2}, size=32, epochs=2, epoch_size=8, validation=4, batch_size=4)


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"}


def arguments(*given):
    parser = argparse.ArgumentParser()
    add_run_arguments(parser, out="runs/hourglass")
    return run_from_arguments(parser.parse_args(given))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    train(SMALL, folder)
    return folder


def test_the_settings_are_those_of_the_run(finished):
    assert Config.load(finished / "config.json") == SMALL
    training = load_checkpoint(finished / "best.safetensors").training
    assert Config(**training["settings"]) == SMALL


def test_a_run_is_not_written_over_unless_that_is_asked_for(finished):
    before = contents(finished)
    with pytest.raises(FileExistsError, match=f"{finished} holds a run already: go on with it by --resume, begin anew"):
        train(dataclasses.replace(SMALL, seed=1), finished)
    assert contents(finished) == before


def test_overwriting_leaves_nothing_of_the_old_run_but_not_for_a_wrong_setting(tmp_path, finished):
    for name, content in contents(finished).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "metrics.json").write_text("of the old run")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="sides must be multiples of"):
        train(dataclasses.replace(SMALL, size=50), tmp_path, overwrite=True)
    assert contents(tmp_path) == before
    train(dataclasses.replace(SMALL, seed=1), tmp_path, overwrite=True)
    after = contents(tmp_path)
    assert set(after) == set(before) - {"metrics.json"} and after["best.safetensors"] != before["best.safetensors"]


def test_resuming_a_finished_run_for_longer(tmp_path):
    first = train(SMALL, tmp_path)
    for name in ("metrics.json", "curves.png", "predictions.png", "heatmaps.png", "notes.txt"):
        (tmp_path / name).write_text("of the network as it is")
    before = contents(tmp_path)
    train(SMALL, tmp_path, resume=True)
    assert contents(tmp_path) == before  # there was nothing to do
    config = dataclasses.replace(SMALL, epochs=3, patience=9)
    said = []
    longer = train(config, tmp_path, resume=True, say=said.append)
    assert longer.step == 6 and longer.rows[:2] == first.rows and len(longer.rows) == 3
    assert said[1] == "resuming after 4 of 6 steps" and Config.load(tmp_path / "config.json") == config
    assert set(contents(tmp_path)) == set(before) - {"metrics.json", "curves.png", "predictions.png", "heatmaps.png"}
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="--epochs 2: the run has done 3 already"):
        train(SMALL, tmp_path, resume=True)
    with pytest.raises(ValueError, match="options that the run began with: width was 4, now 8"):
        train(dataclasses.replace(SMALL, width=8), tmp_path, resume=True)
    assert contents(tmp_path) == before


def test_options_of_a_network_are_the_same_as_a_tuple_and_as_a_list(tmp_path):
    config = Config(model="resnet", width=2, options={"blocks": (1, 1, 1, 1)}, size=32).dry()
    train(config, tmp_path)
    assert train(config, tmp_path, resume=True).step == 3


@pytest.mark.parametrize("name", ["epoch_size", "images"])
def test_an_epoch_is_a_batch_at_least(tmp_path, name):
    assert build_trainer(dataclasses.replace(SMALL, **{name: 7}), tmp_path).steps_per_epoch == 2 - (name != "images")
    with pytest.raises(ValueError, match=f"^train: {name}=3 does not fill a batch: it must be at least batch_size=4$"):
        build_trainer(dataclasses.replace(SMALL, **{name: 3}), tmp_path)


def test_what_cannot_be_resumed(tmp_path, finished):
    with pytest.raises(ValueError, match="resume goes on with a run, overwrite begins it anew: only one of them"):
        train(SMALL, finished, resume=True, overwrite=True)
    with pytest.raises(FileNotFoundError, match=f"there is no run in {tmp_path} to resume: there is no file .*config"):
        train(SMALL, tmp_path, resume=True)
    assert os.listdir(tmp_path) == []
    content = (finished / "last.safetensors").read_bytes()
    (tmp_path / "last.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="has no config.json, as it was begun by an earlier version of minipose"):
        train(SMALL, tmp_path, resume=True)
    SMALL.save(tmp_path / "config.json")
    (tmp_path / "last.safetensors").write_bytes(content[:-1])
    with pytest.raises(ValueError, match="last.safetensors is not a whole safetensors file"):
        train(SMALL, tmp_path, resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == content[:-1]


def test_a_full_disk_ends_the_run_with_a_sentence_and_it_can_go_on(tmp_path, finished, monkeypatch):
    class Fill(Callback):
        """Leaves no room on the disk after the third step."""

        def on_step_end(self, trainer):
            if trainer.step == 3:
                monkeypatch.setattr(os, "fsync", full)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="log.csv cannot be written: No space left on device; the file .* is untouched"):
        train(SMALL, tmp_path, callbacks=[Fill()])
    assert load_checkpoint(tmp_path / "last.safetensors").training["step"] == 2
    assert set(os.listdir(tmp_path)) == set(os.listdir(finished))
    monkeypatch.undo()
    train(SMALL, tmp_path, resume=True)
    for name in ("best.safetensors", "last.safetensors"):
        a, b = (load_checkpoint(folder / name).model for folder in (tmp_path, finished))
        for key, array in a.items():
            np.testing.assert_array_equal(array, b[key], err_msg=key)


def test_what_is_built(tmp_path):
    run = build_trainer(SMALL, tmp_path)
    assert isinstance(run.training, StickFigures) and len(run.training) == 16 and run.ema is None
    assert type(run.optimizer) is Adam and run.schedule.warmup_steps == 1 and run.codec.sigma == 1.5
    config = dataclasses.replace(SMALL, weight_decay=0.02, ema=0.9, sigma=2.0, workers=1, clip_norm=1.0, patience=2)
    run = build_trainer(config, tmp_path)
    assert isinstance(run.training, DataLoader) and run.training.workers == 1 and len(run.training) == 4
    assert type(run.optimizer) is AdamW and run.optimizer.param_groups[0]["weight_decay"] == 0.02
    assert (run.ema.decay, run.codec.sigma, run.clip_norm, run.patience) == (0.9, 2.0, 1.0, 2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("cue", "flip"), [("front", 0.5), ("face", 0.5), ("shade", 0), ("color", 0)])
def test_no_image_is_mirrored_where_colours_tell_right_from_left(tmp_path, cue, flip):
    run = build_trainer(dataclasses.replace(SMALL, augment=True, cue=cue), tmp_path)
    sample, transform = run.training.dataset[0], run.training._recipe.transform
    mirrored = [np.linalg.det(transform(sample, np.random.default_rng(i)).matrix[:, :2]) < 0 for i in range(40)]
    assert abs(np.mean(mirrored) - flip) < 0.25 * (flip > 0) + 1e-9


def test_test_sets_are_drawn_as_what_is_trained_on():
    config = dataclasses.replace(SMALL, placement="fit", cue="color", back_p=0.5)
    tests = make_test_sets(config, ["plain", "shift"], 3)
    for name, figures in tests.items():
        expected = StickFigures(name, "test", 32, 3, placement="fit", cue="color", back_p=0.5)
        assert np.array_equal(figures.batch(range(3)).images, expected.batch(range(3)).images)
    course = make_test_sets(dataclasses.replace(SMALL, style="course"), count=2)
    assert list(course) == ["plain", "circles", "shapes", "platform"] and course["plain"].style == "course"


def test_workers_see_the_same_stream(tmp_path):
    direct = build_trainer(SMALL, tmp_path).training
    loader = build_trainer(dataclasses.replace(SMALL, workers=1), tmp_path).training
    with loader:
        for step, batch in enumerate(loader):
            np.testing.assert_array_equal(batch.images, direct.batch(np.arange(step * 4, step * 4 + 4)).images)
    assert step == 3


def test_poses_of_a_file_are_trained_or_scored_but_never_both(tmp_path):
    poses = np.random.default_rng(0).uniform(0, 224, (23, 16, 2))
    poses[:, 0, 0] = np.arange(23)
    poses[4, 3] = -1  # a missing joint
    np.save(tmp_path / "poses.npy", poses)
    config = dataclasses.replace(SMALL, poses=str(tmp_path / "poses.npy"), style="course")
    train, val = (figures_of(config, split) for split in ("train", "val"))
    assert val.poses[:, 0, 0].tolist() == [9, 19] and len(train.poses) == 21 and val.style == "course"
    assert not set(train.poses[:, 0, 0]) & set(val.poses[:, 0, 0])
    assert np.flatnonzero(train[4].visible == 0).tolist() == [3]
    np.save(tmp_path / "poses.npy", poses[[0, 9, *range(23), 9, 0]])  # two of them three times
    train, val = (figures_of(config, split) for split in ("train", "val"))
    assert val.poses[:, 0, 0].tolist() == [8, 19] and train.poses[:, 0, 0].tolist()[:3] == [0, 9, 0]
    np.save(tmp_path / "poses.npy", poses[[*range(10), 9, 8, 9]])
    train, val = (figures_of(config, split) for split in ("train", "val"))
    assert val.poses[:, 0, 0].tolist() == [9, 9, 9] and len(train.poses) == 10
    np.save(tmp_path / "poses.npy", np.concatenate([poses[:9], poses[:9]]))
    with pytest.raises(ValueError, match="poses.npy must hold at least 10 different poses, not 9: every tenth is kept"):
        figures_of(config, "train")


def test_a_run_is_finished_with_the_folder_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "PATIENCE", 0.0)
    seen = []

    def finish(trainer):
        with pytest.raises(RuntimeError, match="another run"), locked_folder(tmp_path):
            pass
        seen.append(trainer.step)

    assert seen == [train(SMALL, tmp_path, finish=finish).step] == [4]


def test_a_run_goes_on_with_its_poses_from_any_folder_and_with_no_others(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    poses = np.random.default_rng(0).uniform(0, 224, (20, 32))
    np.save("mine.npy", poses)
    config = dataclasses.replace(SMALL, poses="mine.npy")
    train(config, tmp_path / "run")
    assert Config.load(tmp_path / "run" / "config.json").poses == str(tmp_path / "here" / "mine.npy")
    train(config, tmp_path / "run", resume=True)
    # A run of an earlier version kept the path as it was given, and nothing of the content.
    config.save(tmp_path / "run" / "config.json")
    train(config, tmp_path / "run", resume=True)
    monkeypatch.chdir(tmp_path / "there")
    longer = dataclasses.replace(Config.load(tmp_path / "run" / "config.json"), epochs=3)
    np.save(tmp_path / "here" / "mine.npy", poses + 1)
    before = contents(tmp_path / "run")
    with pytest.raises(ValueError, match="^--resume needs the poses that the run began with, but .*here/mine.npy has"):
        train(longer, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before
    np.save(tmp_path / "here" / "mine.npy", poses)
    assert train(longer, tmp_path / "run", resume=True).step == 6


def test_a_checkpoint_that_says_nothing_of_its_data_is_resumed(tmp_path, finished, monkeypatch):
    for name, content in contents(finished).items():
        (tmp_path / name).write_bytes(content)

    def of_an_earlier_version(path):
        checkpoint = load_checkpoint(path)
        del checkpoint.training["source"]
        return checkpoint

    monkeypatch.setattr(run_module, "load_checkpoint", of_an_earlier_version)
    assert train(dataclasses.replace(SMALL, epochs=3), tmp_path, resume=True).step == 6


def test_any_data_set(tmp_path):
    figures = StickFigures("circles", "train", 32, 11)
    run = train(SMALL, tmp_path, training=figures, validation=StickFigures("plain", "val", 32, 3))
    assert run.steps_per_epoch == 2 and run.step == 4
    metrics = score_run(SMALL, run, run.model, count=4)
    assert "mean_pose" not in metrics and list(metrics["sets"]) == ["plain", "circles", "shapes", "platform"]
    with pytest.raises(ValueError, match="is trained on a data set of its own, and cannot go on with the stick fig"):
        train(SMALL, tmp_path, resume=True)
    assert train(dataclasses.replace(SMALL, epochs=3), tmp_path, resume=True, training=figures).step == 6
    assert train(dataclasses.replace(SMALL, epoch_size=1), tmp_path / "b", training=figures).step == 4  # not looked at
    with pytest.raises(ValueError, match="train: 3 training samples do not fill a batch of 4"):
        build_trainer(SMALL, tmp_path, training=StickFigures("circles", "train", 32, 3))


def test_the_command_line(tmp_path, finished):
    assert arguments() == (Config(), Path("runs/hourglass"), False, False)
    assert arguments("--dry-run") == (Config().dry(), Path("runs/dry-run"), False, True)
    assert arguments("--dry-run", "--resume") == (Config().dry(), Path("runs/dry-run"), True, False)
    assert arguments("--dry-run", "--out", "x") == (Config().dry(), Path("x"), False, False)
    assert arguments("--width", "8", "--out", "x", "--overwrite") == (Config(width=8), Path("x"), False, True)
    out = str(finished)
    assert arguments("--out", out, "--resume") == (SMALL, finished, True, False)
    assert arguments("--out", out, "--resume", "--epochs", "9")[0] == dataclasses.replace(SMALL, epochs=9)
    (tmp_path / "config.json").write_text(json.dumps({"width": 0}))
    with pytest.raises(ValueError, match="Config.load: .*width must be an integer from 1, not 0"):
        arguments("--out", str(tmp_path), "--resume")


def test_a_limited_number_of_images_is_seen_again_and_again(tmp_path):
    config = dataclasses.replace(SMALL, images=8)
    trainer = build_trainer(config, tmp_path)
    seen = []
    for epoch in range(2):
        trainer.training.set_epoch(epoch)
        seen.append(np.concatenate([batch.indices for batch in trainer.training]))
    assert [sorted(indices) for indices in seen] == [list(range(8))] * 2 and seen[0].tolist() != seen[1].tolist()
    endless = build_trainer(SMALL, tmp_path).training
    assert len(endless) == SMALL.epochs * SMALL.epoch_size
    np.testing.assert_array_equal(endless[3].image, trainer.training.dataset[3].image)
