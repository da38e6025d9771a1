import dataclasses
import json
import os

import pytest

import minipose
from minipose.train import Log, Row, read_log
from minipose.train.log import MeanLoss

ROW = Row(1, 20, 0.5, 0.25, 3.5, 1e-3, 210.5, 61.25)


def test_rows_come_back(tmp_path):
    log = Log(tmp_path / "log.csv")
    log.append(ROW)
    later = dataclasses.replace(ROW, epoch=2, step=40)
    log.append(later)
    assert read_log(tmp_path / "log.csv") == [ROW, later] == log.rows
    assert (tmp_path / "log.csv").read_text().splitlines()[0].startswith("epoch,step,loss,validation_pckh")


def test_average_precision_has_a_column_where_it_is_measured(tmp_path):
    people = dataclasses.replace(ROW, validation_ap=0.75)
    assert people.score == ("OKS-AP", 0.75) and ROW.score == ("PCKh", 0.25)
    for row, name in ((ROW, "one"), (people, "people")):
        Log(tmp_path / f"{name}.csv").append(row)
        assert read_log(tmp_path / f"{name}.csv") == [row]
        assert Row(**json.loads((tmp_path / f"{name}.jsonl").read_text())) == row
    assert "validation_ap" not in (tmp_path / "one.csv").read_text() + (tmp_path / "one.jsonl").read_text()


def test_the_json_lines_are_the_same_rows(tmp_path):
    log = Log(tmp_path / "log.csv")
    assert list(tmp_path.iterdir()) == []
    log.append(ROW)
    log.append(dataclasses.replace(ROW, epoch=2, step=40))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [Row(**json.loads(line)) for line in lines] == log.rows


def test_a_resumed_log_has_the_rows_that_the_checkpoint_kept(tmp_path):
    log = Log(tmp_path / "log.csv")
    for step in (20, 40, 60):
        log.append(dataclasses.replace(ROW, step=step))
    resumed = Log(tmp_path / "log.csv", log.rows[:2])
    assert [row.step for row in read_log(tmp_path / "log.csv")] == [20, 40]
    resumed.append(dataclasses.replace(ROW, step=50))
    assert [row.step for row in read_log(tmp_path / "log.csv")] == [20, 40, 50]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_both_files_are_whole_at_any_moment(tmp_path, monkeypatch, suffix):
    log = Log(tmp_path / "log.csv")
    log.append(ROW)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    replace = os.replace

    def fail(source, target):
        if target.suffix == suffix:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=f"log{suffix} cannot be written: No space left on device"):
        log.append(ROW)
    assert (tmp_path / f"log{suffix}").read_bytes() == before[f"log{suffix}"]
    assert {p.name for p in tmp_path.iterdir()} == set(before)


def test_the_mean_loss_does_not_depend_on_when_it_is_added_up():
    values = [0.1, 1e-9, 0.7, 1e9, 0.3]
    means = []
    for places in ((), (0, 1, 2, 3, 4), (2,)):
        losses = MeanLoss()
        for i, value in enumerate(values):
            losses.waiting.append(minipose.tensor(value, dtype=minipose.float64))
            if i in places:
                losses.settle()
        losses.settle()
        assert losses.count == 5 and not losses.waiting
        means.append(losses.mean)
    assert len(set(means)) == 1 and means[0] == pytest.approx(sum(values) / 5)


def test_something_else_is_not_a_log(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,step\n1,zwei\n")
    with pytest.raises(ValueError, match=r"read_log: .*log\.csv is not a training log"):
        read_log(tmp_path / "log.csv")
    assert Log(tmp_path / "log.csv").rows == []  # a new run writes over it
    assert read_log(tmp_path / "nothing.csv") == []
