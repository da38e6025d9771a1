import json
import os
import stat

import pytest

from minipose.files import atomic_path, remove_leftovers, write_durably, write_json


def test_the_file_appears_once_it_is_whole(tmp_path):
    path = tmp_path / "log.csv"
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".csv" and temporary != path
        temporary.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it" and os.listdir(tmp_path) == ["log.csv"]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with pytest.raises(KeyError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["log.csv"]


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with atomic_path(str(path)) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_file_has_the_usual_rights(tmp_path):
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_text("")
    with atomic_path(atomic) as temporary:
        temporary.write_text("")
    assert stat.S_IMODE(atomic.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_folder_that_is_not_there(tmp_path):
    path = tmp_path / "nowhere" / "file"
    message = "file cannot be written: there is no folder .*nowhere$"
    with pytest.raises(FileNotFoundError, match=message), atomic_path(path):
        pass


def test_a_path_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_path("file.txt") as temporary:
        temporary.write_text("here")
    assert (tmp_path / "file.txt").read_text() == "here"


def test_a_durable_file_is_on_the_disk_before_it_takes_its_place_and_so_is_the_place(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def record_fsync(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), replace(*paths)))
    write_durably(tmp_path / "state", b"all of it")
    assert (tmp_path / "state").read_bytes() == b"all of it"
    assert calls == ["file", "replace", "folder"]


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_disk_without_room_leaves_the_old_file(tmp_path):
    import resource

    path = tmp_path / "state"
    write_durably(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # the kernel ends the write in the middle
    try:
        with pytest.raises(OSError, match=r"state cannot be written: .*; the file that was there before is untouched$"):
            write_durably(path, bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["state"]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "log.csv"
    with atomic_path(path) as temporary:
        left = temporary.name
    names = [left, ".log-notes.csv", ".log-abcdefgh.txt", "log.csv"]
    for name in names:
        (tmp_path / name).write_text("")
    remove_leftovers(path)
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])


def test_a_json_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "scores.json"
    write_json(path, {"plain": [0.5, None]})
    assert json.loads(path.read_text()) == {"plain": [0.5, None]} and path.read_text().endswith("\n")
    with pytest.raises(TypeError):
        write_json(path, {"plain": object()})
    assert json.loads(path.read_text()) == {"plain": [0.5, None]}
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
