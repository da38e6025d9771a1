"""Ctrl-C and errors in every program that trains: the exit status, and a command that goes on as it is printed."""

import importlib.util
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from minipose import cli
from minipose.train import Config, Trainer, train
from minipose.train import report as report_module
from minipose.train.interrupts import how_to_go_on

EXAMPLES = Path(__file__).parents[2] / "examples"
HOURGLASS = ("--size", "32", "--width", "4", "--option", "depth=2")
OPTIONS = {
    "minipose train": HOURGLASS,
    "train_hourglass.py": HOURGLASS,
    "multi_person.py": ("--size", "64", "--width", "8"),
    "deeppose_cascade.py": ("--stages", "1"),
}


class Program:
    """Runs a program within this process."""

    def __init__(self, name, monkeypatch):
        self.monkeypatch, self.module = monkeypatch, None
        self.words = name.split()
        if name.endswith(".py"):
            self.words = ["python", str(EXAMPLES / name)]
            spec = importlib.util.spec_from_file_location(name[:-3], EXAMPLES / name)
            self.module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.module)

    def __call__(self, *options):
        self.monkeypatch.setattr(sys, "argv", [self.words[1], *options])
        try:
            return self.module.main() if self.module else cli.main(["train", *options])
        except KeyboardInterrupt:  # which would end pytest
            pytest.fail("Ctrl-C is a traceback")

    @property
    def scoring(self):
        """The function that scores, as (module, name)."""
        names = {"multi_person": "evaluate_people", "deeppose_cascade": "score_set"}
        name = names.get(self.module and self.module.__name__)
        return (self.module, name) if name else (report_module, "evaluate_sets")


@pytest.fixture(params=OPTIONS)
def program(request, monkeypatch):
    return Program(request.param, monkeypatch)


@pytest.fixture
def options(program, tmp_path):
    name = Path(program.words[1]).name if program.module else "minipose train"
    return *OPTIONS[name], "--dry-run", "--out", str(tmp_path / "my run")


def press_ctrl_c(*arguments, **options):
    raise KeyboardInterrupt


@pytest.mark.parametrize("moment", ["training", "scoring"])
def test_after_ctrl_c_the_command_that_is_printed_goes_on(program, options, moment, monkeypatch, tmp_path, capsys):
    step = Trainer._train_step

    def press_in_the_first_step(trainer, *batch):
        os.kill(os.getpid(), signal.SIGINT)
        return step(trainer, *batch)

    with monkeypatch.context() as patch:
        if moment == "training":
            patch.setattr(Trainer, "_train_step", press_in_the_first_step)
        else:
            patch.setattr(*program.scoring, press_ctrl_c)
        assert program(*options, "--overwrite") == 130
    *_, before, last = capsys.readouterr().err.splitlines()
    said, advice = last.split("Go on with: ")
    assert said == "interrupted; everything is saved. " and "Traceback" not in before
    count = len(program.words)
    words = shlex.split(advice)
    assert words[:count] == program.words and words[-1] == "--resume" and "--overwrite" not in words
    assert program(*words[count:]) == 0
    assert (tmp_path / "my run" / "metrics.json").is_file()


def test_ctrl_c_while_nothing_is_saved_gives_no_advice(program, options, monkeypatch, capsys):
    monkeypatch.setattr(Trainer, "fit", press_ctrl_c)
    assert program(*options) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_a_missing_package_is_one_line(program, options, monkeypatch, capsys):
    def fail(*arguments):
        raise ImportError("there is no such package")

    monkeypatch.setattr(Trainer, "fit", fail)
    assert program(*options) == 1
    assert capsys.readouterr().err.removeprefix("minipose train: ") == "error: there is no such package\n"


def test_what_is_saved_nowhere_is_begun_anew(monkeypatch, tmp_path, capsys):
    """The cascade of another run's network: --resume would be refused."""
    train(Config(size=32, width=4, options={"depth": 2}).dry(), tmp_path / "run")
    program = Program("deeppose_cascade.py", monkeypatch)
    monkeypatch.setattr(*program.scoring, press_ctrl_c)
    given = ("--run", str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--dry-run", "--stages", "1")
    assert program(*given) == 130
    assert capsys.readouterr().err.endswith("\ninterrupted\n")
    monkeypatch.undo()
    assert Program("deeppose_cascade.py", monkeypatch)(*given) == 0


def test_words_are_quoted_and_what_would_contradict_is_left_out():
    said = how_to_go_on(["python", "my program.py", "--over", "--out", "a b", "--resume"])
    assert said.endswith("Go on with: python 'my program.py' --out 'a b' --resume")
