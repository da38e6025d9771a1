"""Training and scoring of networks that find several people in an image."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minipose
from minipose import cli, models
from minipose.data import StickFigures
from minipose.nn import Module
from minipose.optim import Adam, CosineWithWarmup
from minipose.pose import AffinityCodec, average_precision
from minipose.train import Trainer, evaluate_people, load_checkpoint, read_log, save_checkpoint, validate_people

EXAMPLE = Path(__file__).parents[2] / "examples" / "multi_person.py"
FILES = {"metrics.json", "log.csv", "log.jsonl", "curves.png", "predictions.png", "best.safetensors",
         "last.safetensors", ".lock"}  # fmt: skip
CODEC = AffinityCodec((64, 64))


class Oracle(Module):
    """Answers the perfect maps of a data set's images, in their order from `first` on."""

    def __init__(self, dataset, first=0):
        super().__init__()
        self.dataset, self.next = dataset, first

    def forward(self, input):
        batch = self.dataset.batch((self.next + np.arange(len(input))) % len(self.dataset))
        self.next += len(input)
        return minipose.tensor(CODEC.encode_batch(batch)[0])


def test_the_score_is_that_of_all_people_of_all_images():
    figures = StickFigures("crowd", "val", 64, count=10)
    batch = figures.batch(range(10))
    people, _, scores = CODEC.decode(CODEC.encode_batch(batch)[0])
    expected = average_precision(people, scores, batch.people, batch.people_visible)
    assert evaluate_people(Oracle(figures), figures, CODEC, batch_size=4) == pytest.approx(expected, nan_ok=True)
    assert expected["AP"] > 0.9
    assert validate_people(Oracle(figures), figures, CODEC) == {"validation_ap": expected["AP"]}
    with pytest.raises(ValueError, match="^evaluate_people: batch_size must be at least 1, not -1$"):
        evaluate_people(Oracle(figures), figures, CODEC, batch_size=-1)
    assert evaluate_people(Oracle(figures, first=1), figures, CODEC, batch_size=4)["AP"] < 0.1  # another image's people


def people_trainer(out, validate=validate_people):
    minipose.manual_seed(0)
    architecture = {"name": "hourglass", "options": {"width": 8, "depth": 2, "joints": CODEC.channels}}
    model = models.create("hourglass", **architecture["options"])
    optimizer = Adam(model.parameters(), lr=1e-3)
    return Trainer(
        model, optimizer, CosineWithWarmup(optimizer, 6, warmup_steps=1), StickFigures("crowd", "train", 64, 24),
        StickFigures("crowd", "val", 64, 4), 4, 2, out, architecture, {}, codec=CODEC, validate=validate,
    )  # fmt: skip


def test_the_first_column_that_validate_gives_decides_which_network_is_the_best(tmp_path):
    scores = iter([0.25, 0.75, 0.5])
    run = people_trainer(tmp_path, lambda *_: {"validation_ap": next(scores), "validation_pckh": 0.1})
    targets = []
    loss = run._loss
    run._loss = lambda images, target, weights: (targets.append(target.data), loss(images, target, weights))[1]
    run.fit()
    expected = CODEC.encode_batch(run.training.batch(range(4)))[0]  # everyone's joints, not those of the first alone
    np.testing.assert_array_equal(targets[0], expected)
    rows = read_log(tmp_path / "log.csv")
    assert [row.validation_ap for row in rows] == [0.25, 0.75, 0.5] and rows[0].loss > 0
    assert np.isnan(rows[0].validation_epe) and rows[0].validation_pckh == 0.1
    best = load_checkpoint(tmp_path / "best.safetensors")
    assert best.training["step"] == 4 and best.training["best"] == 0.75


@pytest.mark.parametrize("scores", [{}, 0.5, {"validation_ap": 0.5, "accuracy": 1.0}, {"validation_ap": None}])
def test_scores_that_the_log_cannot_keep_are_refused(tmp_path, scores):
    with pytest.raises(ValueError, match="^Trainer: validate must return numbers by the names validation_pckh, valid"):
        people_trainer(tmp_path, lambda *_: scores).fit()


def run(*options):
    return subprocess.run([sys.executable, EXAMPLE, *map(str, options)], capture_output=True, text=True)


def test_the_example(tmp_path):
    small = ("--dry-run", "--size", 64, "--width", 8, "--out", tmp_path)
    process = run(*small)
    assert process.returncode == 0, process.stderr
    assert {p.name for p in tmp_path.iterdir()} == FILES
    metrics = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON
    assert list(metrics) == ["crowd", "codec", "images", "seconds", "parameters"]
    assert list(metrics["crowd"]) == ["AP", "AP50", "AP75", "AR"] and metrics["codec"]["AP"] > 0.9
    assert metrics["images"] == 32 and "codec" in process.stdout
    assert len(read_log(tmp_path / "log.csv")) == 2
    process = run(*small, "--resume", "--seed", 1)
    assert process.returncode == 1 and "error: --resume needs the options that the run began with" in process.stderr
    assert "--seed was 0, now 1" in process.stderr and "Traceback" not in process.stderr


def main(monkeypatch, *options):
    """The exit status of the example, run within this process."""
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *map(str, options)])
    try:
        return runpy.run_path(str(EXAMPLE))["main"]()
    except SystemExit as error:
        return error.code


SMALL = ("--size", 64, "--width", 8, "--epoch-size", 19, "--batch-size", 8, "--validation", 4, "--test", 4)


def test_what_cannot_be_resumed(monkeypatch, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(monkeypatch, *SMALL, "--out", out, "--resume") == 1 and not out.exists()
    assert f"error: there is no run in {out} to resume: there is no file {out}/last" in capsys.readouterr().err
    assert main(monkeypatch, *SMALL, "--out", out, "--epochs", 2) == 0
    assert load_checkpoint(out / "last.safetensors").training["step"] == 4  # 19 images are two whole batches
    before = {path: path.read_bytes() for path in out.glob("*.*") if path.name != ".lock"}
    assert main(monkeypatch, *SMALL, "--out", out, "--resume", "--epochs", 1) == 1
    assert "error: --epochs 1: the run has done 2 already" in capsys.readouterr().err
    assert main(monkeypatch, *SMALL, "--out", out, "--resume", "--overwrite") == 2
    assert before == {path: path.read_bytes() for path in before}
    assert main(monkeypatch, *SMALL[:4], "--out", tmp_path / "other", "--epoch-size", 5) == 1
    assert "error: --epoch-size 5 must be at least --batch-size 16" in capsys.readouterr().err


def test_its_network_is_not_taken_for_one_of_minipose_train(monkeypatch, tmp_path, capsys):
    assert main(monkeypatch, *SMALL, "--out", tmp_path, "--epochs", 1) == 0
    capsys.readouterr()
    assert cli.main(["evaluate", "--run", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"minipose evaluate: error: {tmp_path} was written by examples/multi_person.py, which scores it itself; give a "
        "run of `minipose train`\n"
    )
    checkpoint = load_checkpoint(tmp_path / "best.safetensors")
    del checkpoint.training["source"]  # as earlier versions wrote it
    save_checkpoint(tmp_path / "best.safetensors", checkpoint.build(), checkpoint.architecture, checkpoint.training)
    assert cli.main(["evaluate", "--run", str(tmp_path)]) == 1
    assert "another program with settings stacks, such as examples/multi_person.py, which" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value", "message"), [
    ("--batch-size", "0", "argument --batch-size: must be an integer above 0, not '0'"),
    ("--learning-rate", "nan", "argument --learning-rate: must be a number above 0, not 'nan'"),
    ("--size", "50", "error: Hourglass: the image's sides must be multiples of 2**depth = 8"),
])  # fmt: skip
def test_a_wrong_option_loses_no_run(option, value, message, monkeypatch, tmp_path, capsys):
    (tmp_path / "log.csv").write_text("a run")
    assert main(monkeypatch, "--overwrite", "--dry-run", "--out", tmp_path, option, value) in (1, 2)
    assert message in capsys.readouterr().err and (tmp_path / "log.csv").read_text() == "a run"
