"""The tests are tested: every bug of `bugs.py`, planted in a copy of the package, must turn its tests red.

    python -m pytest -m slow tests/mutants -s

prints the list. The honest package must pass the same tests, or a red one would say nothing.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minipose
from tests.mutants.bugs import BUGS

pytestmark = pytest.mark.slow
PROJECT = Path(minipose.__file__).parents[1]


def run(tests, project, cache):
    """Run pytest in a project with tests of the form "path" or "path -k expression"."""
    path, _, expression = tests.partition(" -k ")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path]
    settings = {"PYTHONPATH": str(project), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **settings}
    return subprocess.run(
        [*command, *(["-k", expression] if expression else [])],
        cwd=project, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A copy of the package and its tests."""
    copy = tmp_path_factory.mktemp("mutants")
    for part in ("minipose", "tests", "examples", "pyproject.toml"):
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__", "mutants"))
        else:
            shutil.copy(source, copy)
    return copy


@pytest.fixture(autouse=True)
def _needs_torch(torch):
    """Some of the bugs are noticed by the comparison with PyTorch alone."""


@pytest.mark.parametrize("tests", sorted({bug.tests for bug in BUGS}))
def test_the_honest_code_passes(tests, project, tmp_path_factory):
    result = run(tests, project, tmp_path_factory.getbasetemp() / "numba")
    assert result.returncode == 0, f"{shlex.quote(tests)}:\n{result.stdout[-2000:]}"
    assert " passed" in result.stdout


@pytest.mark.parametrize("bug", BUGS, ids=[re.sub(r"[^a-zA-Z0-9]+", "_", bug.name) for bug in BUGS])
def test_the_tests_notice(bug, project, tmp_path_factory):
    file = project / "minipose" / bug.file
    honest = file.read_text()
    assert honest.count(bug.old) == 1, f"{bug.file} holds the text {honest.count(bug.old)} times: {bug.old}"
    try:
        file.write_text(honest.replace(bug.old, bug.new))
        result = run(bug.tests, project, tmp_path_factory.getbasetemp() / "numba")
    finally:
        file.write_text(honest)
    failed = re.findall(r"^FAILED (\S+)", result.stdout, re.M)
    assert result.returncode == 1 and failed, f"{bug.name}: not noticed\n{result.stdout[-1500:]}"
    print(f"killed: {bug.name:<52} by {failed[0]}")
