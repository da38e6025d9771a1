import io
import struct
import sys

import pytest

from minipose.train import Callback, TensorBoard, load_checkpoint
from minipose.train import loop as loop_module
from tests.train.test_loop import trainer


class Record(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, trainer):
        self.calls.append(("begin", trainer.step))

    def on_step_end(self, trainer):
        self.calls.append(("step", trainer.step))

    def on_epoch_end(self, trainer, row):
        self.calls.append(("epoch", row.step))
        if row.step == 4:
            trainer.stop_reason = "enough"

    def on_train_end(self, trainer):
        self.calls.append(("end", trainer.step))


def test_the_stations_of_a_run_and_how_a_callback_ends_it(tmp_path):
    record = Record()
    run = trainer(tmp_path, more={"callbacks": [record]})
    run.fit()
    assert record.calls == [("begin", 0), ("step", 1), ("step", 2), ("epoch", 2), ("step", 3), ("step", 4),
                            ("epoch", 4), ("end", 4)]  # fmt: skip
    assert run.stop_reason == "enough"


def test_a_run_that_is_stopped_in_an_epoch_ends_with_it_and_loses_no_step(tmp_path):
    class Stop(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 3:
                trainer.stop_reason = "enough"

    run = trainer(tmp_path, more={"callbacks": [Stop()]})
    run.fit()
    assert run.step == 4 == load_checkpoint(tmp_path / "last.safetensors").training["step"]


def test_every_callback_that_began_is_ended_when_another_fails(tmp_path):
    class Fail(Callback):
        def on_train_begin(self, trainer):
            raise KeyError("mine")

    first, last = Record(), Record()
    with pytest.raises(KeyError, match="mine"):
        trainer(tmp_path, more={"callbacks": [first, Fail(), last]}).fit()
    assert first.calls == [("begin", 0), ("end", 0)] and last.calls == []


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: {"pckh50": 0.25, "epe_px": 1.0})


@pytest.mark.parametrize("place", ["terminal", "notebook", "file"])
def test_progress_is_a_bar_in_a_terminal_and_lines_in_a_file(tmp_path, monkeypatch, fast, place):
    stream = io.StringIO()
    stream.isatty = lambda: place == "terminal"
    monkeypatch.setattr(sys, "stderr", stream)
    if place == "notebook":
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
    trainer(tmp_path).fit(4)
    text = stream.getvalue()
    if place != "file":
        assert "100%" in text and "16.0/16.0" in text and "validation PCKh 0.250" in text
    else:
        lines = text.splitlines()
        assert len(lines) == 2 and lines[1].startswith("step 4 of 4: loss ")
        assert "validation PCKh 0.250, " in lines[1] and lines[1].endswith(" images/s")


def test_a_score_that_the_labels_do_not_tell_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: {"pckh50": None, "epe_px": 1.0})
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.warns(UserWarning, match="the validation score is NaN") as caught:
        trainer(tmp_path).fit(6)
    assert len(caught) == 1  # of three epochs
    assert "loss" in stream.getvalue() and "validation" not in stream.getvalue()


def scalars(folder):
    """Return (tag, step, value) of all scalars in the folder's event files, which are TFRecords of protobuf events."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        content, place = path.read_bytes(), 0
        while place < len(content):  # length, its checksum, the event, its checksum
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            place += 12 + length + 4
    return found


def test_tensorboard_gets_the_rows(tmp_path, fast):
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install -e '.[tensorboard]'")
    run = trainer(tmp_path, more={"callbacks": [TensorBoard(tmp_path / "tensorboard", every=3)]})
    rows = run.fit().rows
    found = scalars(tmp_path / "tensorboard")
    for row in rows:
        assert ("epoch/loss", row.step, pytest.approx(row.loss, rel=1e-6)) in found
        assert ("epoch/validation_pckh", row.step, 0.25) in found
    assert [step for tag, step, _ in found if tag == "step/loss"] == [3, 6]


def test_without_tensorboardx_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"tensorboardX is missing; install it with: pip install 'minipose\[tensor"):
        TensorBoard(tmp_path)
    assert list(tmp_path.iterdir()) == []
