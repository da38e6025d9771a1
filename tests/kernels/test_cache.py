"""Compiled kernels on disk: found again, never out of date, and whatever happens to the files, right results."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minipose
from minipose.kernels.cpu import cache
from minipose.kernels.cpu.tiles import TILES, host_tile

PROJECT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("probe.py")
NAME = "__main__.tile_of_code"
FIRST_USE = "minipose: compiling the CPU kernels that this run needs"
CANNOT_KEEP = "minipose: compiled kernels cannot be kept"


def environment(folder, root=PROJECT, **more):
    own = {"NUMBA_CACHE_DIR": str(folder), "XDG_CACHE_HOME": f"{folder}_of_user", "PYTHONPATH": str(root)}
    return {**{k: v for k, v in os.environ.items() if not k.startswith(("MINIPOSE", "NUMBA"))}, **own, **more}


def start(folder, *statements, probe=PROBE, **variables):
    command = [sys.executable, str(probe), *statements]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment(folder, **variables), **pipes)


def finish(process):
    out, errors = (stream.decode() for stream in process.communicate(timeout=120))  # as bytes, to keep each \r
    assert process.returncode == 0, errors
    return {**json.loads(out), "stderr": errors}


def run(folder, *statements, **variables):
    return finish(start(folder, *statements, **variables))


def size_of(tile):
    return [tile.rows, tile.vectors, tile.lanes]


def files(folder):
    return sorted((Path(folder) / "minipose").glob(f"{NAME}-*"))


def test_the_second_process_loads_what_the_first_compiled(tmp_path):
    first, second = run(tmp_path), run(tmp_path)
    assert (first["compiled"], second["compiled"]) == (1, 0)
    assert first["tile"] == second["tile"] == size_of(host_tile())
    assert first["stderr"].startswith(FIRST_USE) and first["stderr"].count("\n") == 1
    assert second["stderr"] == ""
    assert len(files(tmp_path)) == 1


def test_tiles_in_one_folder_never_load_each_others_code(tmp_path):
    for compiled in (1, 0):
        for name in ("avx2", "sse", "neon"):
            result = run(tmp_path, MINIPOSE_TILE=name)
            assert (result["tile"], result["compiled"]) == (size_of(TILES[name]), compiled), name


def test_another_cpu_is_another_file(tmp_path):
    run(tmp_path)
    assert run(tmp_path, NUMBA_CPU_NAME="generic")["compiled"] == 1
    assert run(tmp_path, NUMBA_CPU_NAME="generic")["compiled"] == 0


def test_a_change_of_any_kernel_file_is_noticed_where_its_code_is_inlined(tmp_path):
    shutil.copytree(Path(minipose.__file__).parent, tmp_path / "minipose", ignore=shutil.ignore_patterns("__pycache__"))
    helper = tmp_path / "minipose" / "kernels" / "cpu" / "helper.py"
    helper.write_text("ROWS = 41")
    taken = "from minipose.kernels.cpu.helper import ROWS"  # a constant of the kernel, in place of its own

    def probe():
        result = run(tmp_path / "cache", taken, root=tmp_path)
        return result["tile"][0], result["compiled"]

    assert (probe(), probe()) == ((41, 1), (41, 0))
    helper.write_text("ROWS = 43")
    assert probe() == (43, 1)
    helper.write_text("ROWS = 41")
    assert probe() == (41, 0)


def test_a_change_of_a_file_beside_a_function_that_is_no_kernel_is_noticed(tmp_path):
    from minipose.kernels.cpu.cache import DiskCache

    (tmp_path / "one.py").write_text("def work(): pass")
    (tmp_path / "other.py").write_text("SIZE = 3")
    names = {}
    exec(compile("def work(): pass", tmp_path / "one.py", "exec"), names)
    before = DiskCache(names["work"], "work", print, print).own_files
    assert DiskCache(names["work"], "work", print, print).own_files == before
    (tmp_path / "other.py").write_text("SIZE = 4")
    assert DiskCache(names["work"], "work", print, print).own_files != before


def test_processes_that_compile_at_once(tmp_path):
    results = [finish(process) for process in [start(tmp_path) for _ in range(3)]]
    assert all(result["tile"] == size_of(host_tile()) for result in results)
    assert len(files(tmp_path)) == 1 and len(list((tmp_path / "minipose").iterdir())) == 1
    assert run(tmp_path)["compiled"] == 0


@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_a_damaged_file_is_compiled_anew(damage, tmp_path):
    run(tmp_path)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    rest = b"" if damage == "truncated" else bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes(whole[:middle] + rest)
    result = run(tmp_path)
    assert (result["compiled"], result["tile"]) == (1, size_of(host_tile()))
    assert run(tmp_path)["compiled"] == 0


def test_where_the_first_folder_cannot_be_written_it_is_the_users(tmp_path):
    (tmp_path / "file").touch()
    user = tmp_path / "user"
    result = run(tmp_path / "file", XDG_CACHE_HOME=str(user))
    assert result["folder"] == str(user / "minipose") and CANNOT_KEEP not in result["stderr"]
    assert run(tmp_path / "file", XDG_CACHE_HOME=str(user))["compiled"] == 0


def test_without_any_folder_kernels_are_compiled_and_one_sentence_says_so(tmp_path):
    (tmp_path / "file").touch()
    result = run(tmp_path / "file", XDG_CACHE_HOME=str(tmp_path / "file"))
    assert (result["compiled"], result["tile"]) == (1, size_of(host_tile()))
    assert result["stderr"].count(CANNOT_KEEP) == 1 and str(tmp_path / "file" / "minipose") in result["stderr"]


def test_a_folder_that_can_only_be_read_is_read(tmp_path):
    run(tmp_path / "theirs")
    mine = {"XDG_CACHE_HOME": str(tmp_path / "mine")}
    read_only = f"os.access = lambda path, mode: not str(path).startswith({str(tmp_path / 'theirs' / 'minipose')!r})"
    result = run(tmp_path / "theirs", "import os", read_only, **mine)
    assert (result["compiled"], result["folder"]) == (0, str(tmp_path / "mine" / "minipose"))
    assert run(tmp_path / "theirs", "import os", read_only, MINIPOSE_TILE="sse", **mine)["compiled"] == 1
    assert len(files(tmp_path / "mine")) == 1 and len(files(tmp_path / "theirs")) == 1


def test_a_full_disk_costs_the_cache_and_nothing_else(tmp_path):
    full = "def write(*a): raise OSError(28, 'No space left on device')"
    result = run(tmp_path, full, "from pathlib import Path; Path.write_bytes = write")
    assert (result["compiled"], result["tile"]) == (1, size_of(host_tile()))
    assert CANNOT_KEEP in result["stderr"] and "No space left" in result["stderr"]
    assert files(tmp_path) == []


def test_old_files_of_a_kernel_are_removed_and_those_of_others_are_not(tmp_path):
    folder = tmp_path / "minipose"
    folder.mkdir()
    for i in range(12):
        for name in (NAME, "other.kernel"):
            path = folder / f"{name}-sse-{i}.kernel"
            path.touch()
            os.utime(path, (i, i))
    run(tmp_path)
    left = [path.name for path in files(tmp_path)]
    assert len(left) == cache.KEPT and f"{NAME}-sse-4.kernel" not in left and f"{NAME}-sse-5.kernel" in left
    assert len(list(folder.glob("other*"))) == 12
    assert run(tmp_path)["compiled"] == 0


def test_slow_compilations_are_reported_above_a_progress_bar(tmp_path):
    bar = "from tqdm import tqdm; bar = tqdm(total=3, desc='epoch'); bar.update(1)"
    slow = "from minipose.kernels.cpu import compile as c; c.SLOW = 0"
    errors = run(tmp_path, slow, bar)["stderr"]
    assert f"minipose: compiled {NAME} in 0." in errors
    for text in (FIRST_USE, f"minipose: compiled {NAME}"):
        line = errors[: errors.index(text)].rpartition("\r")[2]  # what stands before it where the cursor is
        assert line.strip(" \n") == "", f"written into the bar: {line!r}"
    assert errors.rpartition("\r")[2].startswith("epoch")


def test_no_report_where_there_is_no_stderr_or_nobody_wants_one(tmp_path):
    assert run(tmp_path, "sys.stderr = None")["compiled"] == 1
    quiet = "from minipose.kernels.cpu import compile as c; c.talkative = False"
    assert run(tmp_path / "new", quiet)["stderr"] == ""


def test_bounds_checks_are_not_loaded_from_code_without_them(tmp_path):
    assert [run(tmp_path, **{"NUMBA_BOUNDSCHECK": on})["compiled"] for on in ("0", "1", "0", "1")] == [1, 1, 0, 0]


def test_the_users_folder_on_every_system(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    places = {"linux": ".cache/minipose", "darwin": "Library/Caches/minipose", "win32": "AppData/Local/minipose/cache"}
    for system, place in places.items():
        with contextlib.ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(sys, "platform", system)
            assert cache._user_folder() == tmp_path / place
