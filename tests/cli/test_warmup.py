"""`minipose warmup`: what it compiles, and where that is kept."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import PROJECT, command, fails

KERNELS = PROJECT / "minipose" / "kernels" / "cpu"


def test_warmup_leaves_nothing_to_compile():
    result = command("warmup")
    assert (result.returncode, result.stderr) == (0, "")
    *lines, summary = result.stdout.splitlines()
    kernels = set()
    for path in KERNELS.glob("*.py"):
        names = re.findall(r"^@kernel\(.*?\ndef (\w+)", path.read_text(), re.M | re.S)
        kernels |= {f"{path.stem}.{name}" for name in names}
    named = [line.split()[0] for line in lines]
    transforms = {name for name in named if name.startswith("transform.")}
    assert {name.removesuffix("_alone") for name in named} == kernels | transforms
    assert len({*named}) == len(named) and len(kernels) > 10 < len(transforms)
    folder = re.fullmatch(rf"{len(lines)} kernels for \w+ in [\d.]+ s, kept in (.+)", summary)[1]
    kept = {path.name.split("-")[0] for path in Path(folder).glob("*.kernel")}
    assert kept >= {*named} | {"scene.draw_scenes"}
    again = (
        "from minipose.kernels import cpu; from minipose.kernels.cpu.compile import KERNELS\n"
        "from minipose.data.stickmen import compiled_painter\n"
        "for kernel in KERNELS: kernel.compile()\n"
        "compiled_painter()"
    )
    result = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert result.stderr == ""  # a compilation is told of there


def test_warmup_says_where_it_cannot_keep_anything(tmp_path):
    (tmp_path / "file").touch()
    no_kernels = (
        "from minipose.kernels.cpu import compile as c; c.KERNELS.clear()\n"
        "from minipose.data import stickmen; stickmen.compiled_painter = lambda: None\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{no_kernels}from minipose.cli import main; raise SystemExit(main(['warmup']))"],
        capture_output=True, text=True, cwd=PROJECT, check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path / "file")},
    )  # fmt: skip
    assert result.returncode == 1 and result.stdout.endswith("kept in no folder, since none can be written\n")


@pytest.mark.parametrize(("variables", "sentence"), [
    ({"MINIPOSE_TILE": "mmx"}, "must be one of avx512, avx2, neon, sse, or not be set\n"),
    ({"MINIPOSE_NUM_THREADS": "0"}, "must be a number of threads, 1 or more, or not be set\n"),
])  # fmt: skip
def test_a_wrong_environment_is_named(variables, sentence):
    assert fails("warmup", **variables).endswith(sentence)


def test_the_command_is_installed_by_its_name():
    assert '"console_scripts": ["minipose = minipose.cli:main"]' in (PROJECT / "setup.py").read_text()
