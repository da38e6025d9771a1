"""The cells of a study on Dask clusters: one that is started for it, and one that is running."""

import sys

import pytest

from minipose.train.studies import cluster, make_cells, run_cells
from tests.train.studies.test_runner import BROKEN, COUNT, SMALL, silence

DISTRIBUTED = "needs Dask: pip install -e '.[cluster]'"


@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning", "default::ResourceWarning")
@pytest.mark.parametrize("kind", ["started", "running"])
def test_cells_run_on_a_cluster(tmp_path, kind):
    distributed = pytest.importorskip("distributed", reason=DISTRIBUTED)
    if kind == "started":
        cells = make_cells({"broken": BROKEN}, range(3))
        failures = run_cells(cells, tmp_path, jobs=2, cluster="local", count=COUNT, say=silence)
        assert set(failures) == {"broken-0", "broken-1", "broken-2"}
        assert failures["broken-2"].startswith("ValueError: Hourglass: the image's sides")
    else:
        (cell,) = cells = make_cells({"good": SMALL}, [3])
        options = {"processes": False, "protocol": "tcp", "dashboard_address": None}
        with distributed.LocalCluster(n_workers=1, threads_per_worker=2, **options) as running:
            assert run_cells(cells, tmp_path, cluster=running.scheduler_address, count=COUNT, say=silence) == {}
        assert cell.metrics(tmp_path, COUNT)


def test_a_worker_that_does_not_see_the_folder_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason=DISTRIBUTED)
    monkeypatch.setattr(cluster, "run_in_process", lambda job, threads, stop: "")
    cells = make_cells({"a": SMALL}, [0])
    (reason,) = run_cells(cells, tmp_path, cluster="local", count=COUNT, say=silence).values()
    assert "there is no whole" in reason and f"do all workers see {tmp_path}?" in reason


def test_each_machine_shares_its_cores_among_its_own_workers():
    workers = {"tcp://a:1": 1, "tcp://a:2": 3, "tcp://b:1": 2}
    assert cluster._slots(workers, lambda address: address[6]) == {"tcp://a:1": 4, "tcp://a:2": 4, "tcp://b:1": 2}


def test_without_dask_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"--cluster: the package distributed is missing; .*'minipose\[cluster\]'"):
        run_cells(make_cells({"a": SMALL}, [0]), tmp_path, cluster="local")


@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning", "default::ResourceWarning")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_there_is_no_cluster_at_the_address(tmp_path, monkeypatch, address):
    pytest.importorskip("distributed", reason=DISTRIBUTED)
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with pytest.raises(OSError, match=f"--cluster: there is no Dask scheduler at '{address}'"):
        run_cells(make_cells({"a": SMALL}, [0]), tmp_path, cluster=address, say=silence)
