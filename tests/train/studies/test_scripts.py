"""The studies in examples/: every row is a network that can be built, for images of its size, and every script runs."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minipose import models, nn

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "examples").glob("study_*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_row_can_be_built_and_no_two_are_the_same(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert f"examples/{path.name}" in module.__doc__ and len(module.ROWS) > 1
    for first, second, *_ in getattr(module, "COMPARED", []):
        assert first != second and {first, second} <= module.ROWS.keys()
    configs = list(module.ROWS.values())
    assert all(config not in configs[:i] for i, config in enumerate(configs))
    for config in configs:
        network = models.create(config.model, **config.architecture["options"])
        assert nn.summary(network, (1, 3, config.size, config.size)).multiply_adds > 0


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_runs_from_its_first_row_to_its_table(path, tmp_path):
    command = [sys.executable, path, "--dry-run", "--jobs", "2", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((.*?)\)", table)
    assert {"results.json", "pckh50.png"} <= set(links) and all((tmp_path / link).is_file() for link in links)
    assert "## Missing runs" not in table and "cannot be compared" not in table and "not measured" not in table
