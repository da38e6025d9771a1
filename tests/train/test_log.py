import dataclasses

import pytest

from minipose.train import Log, Row, read_log

ROW = Row(1, 20, 0.5, 0.25, 3.5, 1e-3, 210.5, 61.25)


def test_rows_come_back(tmp_path):
    log = Log(tmp_path / "log.csv")
    log.append(ROW)
    later = dataclasses.replace(ROW, epoch=2, step=40)
    log.append(later)
    assert read_log(tmp_path / "log.csv") == [ROW, later] == log.rows
    assert (tmp_path / "log.csv").read_text().splitlines()[0].startswith("epoch,step,loss,validation_pckh")


def test_a_resumed_log_drops_what_came_after(tmp_path):
    log = Log(tmp_path / "log.csv")
    for step in (20, 40, 60):
        log.append(dataclasses.replace(ROW, step=step))
    assert [row.step for row in Log(tmp_path / "log.csv", last_step=45).rows] == [20, 40]
    assert Log(tmp_path / "log.csv").rows == []


def test_something_else_is_not_a_log(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,step\n1,zwei\n")
    with pytest.raises(ValueError, match=r"read_log: .*log\.csv is not a training log"):
        read_log(tmp_path / "log.csv")
    with pytest.raises(ValueError, match="not a training log"):
        Log(tmp_path / "log.csv", last_step=3)
    assert Log(tmp_path / "log.csv").rows == []  # a new run writes over it
    assert read_log(tmp_path / "nothing.csv") == []
