"""A run that is killed at any moment and resumed ends in the bits of one that never stopped."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minipose.train import load_checkpoint, train
from tests.train.killed_run import CONFIG

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
ROOT = Path(__file__).parents[2]
STEPS = CONFIG.epochs * CONFIG.steps_per_epoch
TIMES = ("images_per_second", "seconds")
FILES = {"config.json", "log.csv", "log.jsonl", "best.safetensors", "last.safetensors", ".lock"}


def start(folder, *arguments):
    command = [sys.executable, "-m", "tests.train.killed_run", str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train(CONFIG, folder)
    return folder


def without_times(path):
    with open(path, newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


def assert_readable(folder):
    """Return at which steps the checkpoints are."""
    paths = [folder / name for name in ("last.safetensors", "best.safetensors")]
    return [load_checkpoint(path).training["step"] for path in paths if path.exists()]


def assert_same(a, b):
    for name in ("last.safetensors", "best.safetensors"):
        first, second = (load_checkpoint(folder / name) for folder in (a, b))
        for part in ("model", "average"):
            arrays = [getattr(checkpoint, part) or {} for checkpoint in (first, second)]
            assert arrays[0].keys() == arrays[1].keys()
            for key in arrays[0]:
                np.testing.assert_array_equal(arrays[0][key], arrays[1][key], err_msg=f"{name} {part} {key}")
        assert first.training["step"] == second.training["step"] and first.training["best"] == second.training["best"]
        assert first.training.get("random") == second.training.get("random")
    states = [load_checkpoint(folder / "last.safetensors").optimizer["state"] for folder in (a, b)]
    for place, values in states[0].items():
        for key, value in values.items():
            np.testing.assert_array_equal(value, states[1][place][key], err_msg=f"{place} {key}")
    assert without_times(a / "log.csv") == without_times(b / "log.csv")
    assert len((b / "log.jsonl").read_text().splitlines()) == CONFIG.epochs == len(without_times(b / "log.csv"))
    assert {path.name for path in b.iterdir()} == FILES


def test_killed_while_it_writes(tmp_path, whole):
    """Before the first checkpoint; with the very best half done; between the two logs; with the last half done."""
    scores = [float(row["validation_pckh"]) for row in without_times(whole / "log.csv")]
    bests = sum(score >= max(scores[:i], default=0) for i, score in enumerate(scores))
    moments = [("config.json", 1, "after"), ("best.safetensors", bests, "before"), ("log.jsonl", 2, "before"),
               ("last.safetensors", 2, "before")]  # fmt: skip
    for i, moment in enumerate(moments):
        process = start(tmp_path / "run", *(["--resume"] if i else []), *map(str, moment))
        _, errors = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, errors
        assert_readable(tmp_path / "run")
        if moment[2] == "before":
            assert len(list((tmp_path / "run").glob(f".{moment[0].split('.')[0]}-*"))) == 1
    train(dataclasses.replace(CONFIG, workers=1), tmp_path / "run", resume=True)  # they change nothing
    assert_same(whole, tmp_path / "run")


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path, whole):
    rng = np.random.default_rng()
    kills, reached, runs = 0, [], 1
    folder = tmp_path / "1"
    while kills < 20:
        resume = (folder / "config.json").exists()
        process = start(folder, *(["--resume"] if resume else []))
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        _, errors = process.communicate()
        steps = assert_readable(folder)
        if steps and steps[0] == STEPS:  # it was too late, or killed in its last moments: begin another run
            train(CONFIG, folder, resume=True)
            assert_same(whole, folder)
            runs += 1
            folder = tmp_path / str(runs)
            continue
        assert process.returncode == -signal.SIGKILL, errors
        kills += 1
        reached.append(steps[0] if steps else 0)
    train(CONFIG, folder, resume=True)
    assert_same(whole, folder)
    print(f"\n{kills} kills, the last checkpoint being of steps {reached}; {runs} runs ended in the same bits")
