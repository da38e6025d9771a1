"""Cells in processes: resumed, refused, failing, killed, interrupted."""

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minipose.train import Config, load_checkpoint, locked_folder
from minipose.train.studies import Cell, collect, make_cells, process, run_cells

SMALL = Config(width=4, options={"depth": 2}, size=32, epochs=1, epoch_size=8, validation=4, batch_size=4)
BROKEN = dataclasses.replace(SMALL, size=34)  # no multiple of what the network needs
COUNT = 4
ROOT = Path(__file__).parents[3]


def silence(text):
    pass


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".log"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of four cells, of which two fail: its cells, its folder, what was said, and the failures."""
    out, said = tmp_path_factory.mktemp("study"), []
    cells = make_cells({"broken": BROKEN, "good": SMALL}, range(2))
    failures = run_cells(cells, out, jobs=2, count=COUNT, say=said.append)
    return cells, out, said, failures


def test_a_failing_cell_does_not_stop_the_others(study):
    cells, out, said, failures = study
    assert [cell.key for cell in cells] == ["broken-0", "good-0", "broken-1", "good-1"]
    assert set(failures) == {"broken-0", "broken-1"}
    reason = "ValueError: Hourglass: the image's sides must be multiples of 2**depth = 4, not N=1 C=3 H=34 W=34"
    assert failures["broken-0"] == reason and "Traceback" in cells[0].log(out).read_text()
    assert len(said) == 4 and any(line.endswith(f"broken-1: {reason}") for line in said)
    for cell in cells:
        metrics = cell.metrics(out, COUNT)
        assert (metrics is None) == (cell.name == "broken")
        if metrics:
            settings = load_checkpoint(cell.folder(out) / "best.safetensors").training["settings"]
            assert settings["seed"] == cell.config.seed
    results = collect(cells, out, COUNT, failures)
    assert results["rows"]["broken"]["runs"] == {"0": reason, "1": reason} and "sets" not in results["rows"]["broken"]


def test_only_what_is_not_finished_is_done(study, tmp_path):
    cells, out, _, _ = study
    good = [cell for cell in cells if cell.name == "good"]
    for path in (out / "cells").glob("good-*/*"):
        (tmp_path / path.relative_to(out)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.relative_to(out)).write_bytes(path.read_bytes())
    before = contents(tmp_path)
    said = []
    assert run_cells(good, tmp_path, count=COUNT, say=said.append) == {}
    assert said == ["2 of 2 runs are finished already"]
    assert contents(tmp_path) == before

    first, second = (cell.folder(tmp_path) for cell in good)
    whole = (first / "metrics.json").read_bytes()
    (first / "metrics.json").write_bytes(whole[:-20])  # its end is lost: the trained network is scored anew
    for name in ("metrics.json", "best.safetensors", "last.safetensors", "log.csv"):  # killed in its first epoch
        (second / name).unlink()
    said = []
    assert run_cells(good, tmp_path, jobs=2, count=COUNT, say=said.append) == {} and len(said) == 2
    assert (first / "metrics.json").read_bytes() == whole
    assert json.loads((second / "metrics.json").read_text())["sets"] == good[1].metrics(out, COUNT)["sets"]
    assert good[0].metrics(tmp_path, COUNT + 1) is None  # scores of other test images are no scores


def test_a_folder_with_other_settings_is_refused_before_anything_begins(study, monkeypatch, tmp_path):
    cells, out, _, _ = study
    before = contents(out)
    other = [Cell("new", SMALL), Cell("good", dataclasses.replace(SMALL, epochs=2, sigma=2.0))]
    with pytest.raises(ValueError, match=r"cells/good-0 holds a run of other settings: epochs was 1, now 2; sigma was "
                                         r"1.5, now 2.0; give the options that the study began with, or another --out"):
        run_cells(other, out, count=COUNT)
    harmless = [Cell("good", dataclasses.replace(SMALL, checkpoint_every=7))]
    assert run_cells(harmless, out, count=COUNT, say=silence) == {}
    with pytest.raises(ValueError, match="two runs of the study have the same folder: A-0, a-0"):
        run_cells([Cell("a", SMALL), Cell("A", SMALL)], out)
    (tmp_path / "cells" / "good-0").mkdir(parents=True)
    (tmp_path / "cells" / "good-0" / "last.safetensors").touch()
    with pytest.raises(ValueError, match="good-0 holds a run of other settings: there is no config.json"):
        run_cells(cells[1:2], tmp_path)
    changed = {"name": "hourglass", "options": {"width": 5}}  # as if the network had got other defaults
    monkeypatch.setattr(Config, "architecture", property(lambda config: changed))
    with pytest.raises(ValueError, match=r"the network was {.*'width': 4.*}, now {.*'width': 5}}"):
        run_cells(cells[1:2], out, count=COUNT)
    assert contents(out) == before


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "Ä", None])
def test_a_name_must_be_one_of_a_folder(name):
    with pytest.raises(ValueError, match=f"Cell: name must be of letters, digits and .*, not {name!r}"):
        Cell(name, SMALL)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("kill -9 $$", "killed by SIGKILL; see {log}"), ("exit 3", "ended with exit status 3; see {log}"),
     ("exit 130", "interrupted"), ("cat >/dev/null; exit 130", "interrupted"),
     ("read job; echo MemoryError; exit 1", "MemoryError"),
     ("exec sleep 100", "did not stop within 1 s and was killed")],
)  # fmt: skip
def test_whatever_befalls_a_process_is_told(tmp_path, monkeypatch, script, reason):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(process.sys, "executable", str(program))
    monkeypatch.setattr(process, "PATIENCE", 1.0)
    job = process.Job.of(Cell("a", SMALL), tmp_path, COUNT)
    looks = iter([False] * 3)
    assert process.run_in_process(job, 1, lambda: next(looks, True)) == reason.format(log=job.log)


def test_a_process_has_its_share_of_the_cores_and_this_minipose(tmp_path, monkeypatch):
    monkeypatch.setattr(process.sys, "executable", program := str(tmp_path / "python"))
    Path(program).write_text("#!/bin/sh\necho $MINIPOSE_NUM_THREADS $PYTHONPATH\nexit 1\n")
    Path(program).chmod(0o755)
    said = process.run_in_process(process.Job.of(Cell("a", SMALL), tmp_path, COUNT), 7, lambda: False)
    assert said.split(os.pathsep)[0].strip() == f"7 {ROOT}"


LONG = """
import dataclasses, signal, sys
from pathlib import Path
from minipose.train.studies import make_cells, run_cells
from tests.train.studies.test_runner import COUNT, SMALL
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
run_cells(make_cells({"a": dataclasses.replace(SMALL, epochs=1000)}, [0, 1]), Path(sys.argv[1]), count=COUNT)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_the_runs_of_an_interrupted_study_are_saved(tmp_path, how):
    folder = tmp_path / "cells" / "a-0"
    study = subprocess.Popen([sys.executable, "-c", LONG, tmp_path], stderr=subprocess.PIPE, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while not (folder / "best.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        study.send_signal(how)
        assert how == signal.SIGKILL or "KeyboardInterrupt" in study.communicate(timeout=90)[1].decode()
    finally:
        study.kill()
        study.communicate()
    while True:  # a study that was killed could not wait for its run, which ends by itself
        try:
            with locked_folder(folder):
                break
        except RuntimeError:
            assert time.monotonic() < deadline
    saved = load_checkpoint(folder / "last.safetensors").training["step"]
    assert 0 < saved < 2000 and not (tmp_path / "cells" / "a-1").exists()
    if how == signal.SIGINT:
        assert f"step {saved} of" in (tmp_path / "cells" / "a-0.log").read_text() or saved % 2


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_run_stops_though_its_study_was_started_with_ctrl_c_ignored(tmp_path):
    config = dataclasses.asdict(dataclasses.replace(SMALL, epochs=1000))
    line = json.dumps({"config": config, "folder": str(tmp_path / "a"), "count": COUNT}) + "\n"
    command = ["sh", "-c", f"trap '' INT; exec {sys.executable} -m minipose.train.studies"]
    done = subprocess.run(command, input=line, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.returncode == 130 and not (tmp_path / "a" / "metrics.json").exists()
