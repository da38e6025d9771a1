"""The benchmark on a GPU: it runs on the CPU as well, and the page says what its numbers say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.benchmarks import gpu


def test_the_page_is_made_of_the_numbers_beside_it():
    results = json.loads((gpu.PAGES / "gpu.json").read_text(encoding="utf-8"))
    assert gpu.text(results) == (gpu.PAGES / "gpu.md").read_text(encoding="utf-8")


def test_a_quick_run_on_the_cpu_fills_every_part(torch, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "CHOSEN", ("conv 1x1, 32 to 16", "Adam"))
    gpu.main(["--device", "cpu", "--quick", "--out", str(tmp_path)])
    results = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert results["agreement"]["maps"] == results["agreement"]["gradients"] == 0  # the CPU beside itself
    assert results["agreement"]["loss_last"] < results["agreement"]["loss_first"]
    assert [r["measure"] for r in results["layers"]] == ["forward", "input gradient", "weight gradient", "step"]
    times = [t for n in results["networks"] for side in n["sides"].values() for t in (side["step"], side["forward"])]
    assert len(times) == 6 and all(0 < t["min"] <= t["median"] for t in times)
    page = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    gpu.main(["--report", "--out", str(tmp_path)])
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8") == page


def test_sides_that_do_not_do_the_same_work_are_not_timed(torch, monkeypatch):
    monkeypatch.setattr(gpu, "timed", lambda *_: {"min": 1.0, "median": 1.0})
    monkeypatch.setattr(gpu.TorchOnDevice, "fill", lambda self, tensor, array: None)
    with pytest.raises(AssertionError, match="not the same work"):
        gpu.measure_network(2, "cpu", 0.0, quick=True)


def test_the_ratio_is_pytorchs_time_over_minipose():
    times = {side: {"min": s} for side, s in (("minipose", 0.002), ("float32", 0.001), ("tf32", 0.004))}
    assert gpu._row(times) == ["2.00", "1.00", "0.50", "4.00", "2.00"]
    assert np.isclose(gpu._norm([np.array([3.0]), np.array([4.0])]), 5)
