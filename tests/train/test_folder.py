import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minipose.train import folder as folder_module
from minipose.train import locked_folder
from minipose.train.folder import FILES, clear, holds_a_run
from tests.train.test_loop import trainer

HOLD = """
import sys, time
from minipose.train import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(folder_module, "PATIENCE", 0.2)


@pytest.mark.skipif(folder_module.fcntl is None, reason="locks are POSIX's")
def test_one_run_at_a_time_until_it_is_dead(tmp_path, impatient):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert holder.stdout.readline() == "held\n"
        message = f"another run .process {holder.pid}. is writing into {tmp_path}: wait for its end, stop it, or choose"
        with pytest.raises(RuntimeError, match=message):
            trainer(tmp_path).fit()
        assert [p.name for p in tmp_path.iterdir()] == [".lock"]
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    trainer(tmp_path).fit(2)


@pytest.mark.skipif(folder_module.fcntl is None, reason="locks are POSIX's")
def test_also_within_a_process(tmp_path, impatient):
    with locked_folder(tmp_path), pytest.raises(RuntimeError, match="another run"), locked_folder(tmp_path):
        pass
    with locked_folder(tmp_path):
        pass


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    for name in (".last-abcd1234.safetensors", ".log-abcd1234.csv", ".other-abcd1234.csv", "last.safetensors"):
        (tmp_path / name).write_text("")
    with locked_folder(tmp_path):
        assert {p.name for p in tmp_path.iterdir()} == {".lock", ".other-abcd1234.csv", "last.safetensors"}


def test_a_folder_that_cannot_be_one(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="is not a folder that can be written: "), locked_folder(path):
            pass


def test_a_run_is_cleared_and_what_is_not_its_own_is_kept(tmp_path):
    assert not holds_a_run(tmp_path)
    for name in (*FILES, "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "events.out.tfevents.1").write_text("")
    assert holds_a_run(tmp_path)
    clear(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "tensorboard"] and not os.listdir(tmp_path / "tensorboard")
