"""A study from its command line."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minipose import Tensor, models
from minipose.train import Config
from minipose.train.studies import collect, make_cells, study, study_main
from minipose.viz import study_pictures

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "compare_architectures.py"
CONFIGS = {"narrow": Config(width=4), "wide": Config(width=8), "integral": Config(width=4, head="integral")}


@pytest.fixture
def ran(monkeypatch):
    """What the study would have run: nothing is trained here."""
    calls = []

    def run_cells(cells, out, jobs, cluster, count, say):
        calls.append({"cells": cells, "out": out, "jobs": jobs, "cluster": cluster, "count": count})
        out.mkdir(parents=True, exist_ok=True)
        return {cells[0].key: "ValueError: planted"} if jobs == 13 else {}

    monkeypatch.setattr(study, "run_cells", run_cells)
    return calls


def compare_architectures():
    spec = importlib.util.spec_from_file_location("compare_architectures", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(*arguments, **options):
    return study_main("A study.", CONFIGS, "runs/default", study_pictures, arguments=arguments, **options)


def test_the_options_are_those_of_the_cells(ran, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main() == 0
    (call,) = ran
    assert call["out"] == Path("runs/default") and (call["jobs"], call["cluster"], call["count"]) == (1, None, 500)
    expected = [f"{name}-{seed}" for seed in range(3) for name in CONFIGS]
    assert [cell.key for cell in call["cells"]] == expected
    assert {cell.config.epochs for cell in call["cells"]} == {7}
    assert main("--out", "x", "--seeds", "1", "--epochs", "2", "--only", "w*,integral", "--cluster", "tcp://h:1",
                "--count", "9") == 0  # fmt: skip
    assert [cell.key for cell in ran[1]["cells"]] == ["wide-0", "integral-0"]
    assert ran[1]["cells"][1].config == Config(width=4, head="integral", epochs=2)
    assert (ran[1]["cluster"], ran[1]["count"]) == ("tcp://h:1", 9)
    rows = json.loads(Path("x/results.json").read_text())["rows"]
    assert list(rows) == list(CONFIGS) and rows["narrow"]["runs"] == {"0": "not run"}
    assert "no finished run" in Path("x/table.md").read_text()
    assert main("--out", "y", "--cluster", "--jobs", "2") == 0 and ran[2]["cluster"] == "local"


def test_a_dry_run_is_short_and_begins_anew_in_its_own_folder_only(ran, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [Path("runs/default/cells/a"), Path("x/cells/a")]
    for folder in [*kept, Path("runs/default-dry/cells/a")]:
        folder.mkdir(parents=True)
    assert main("--dry-run", "--seeds", "1") == main("--dry-run", "--out", "x") == 0
    assert ran[0]["out"] == Path("runs/default-dry") and ran[1]["out"] == Path("x") and ran[0]["count"] == 4
    assert ran[0]["cells"][1].config == Config(width=8).dry()
    assert all(folder.is_dir() for folder in kept) and not Path("runs/default-dry/cells").exists()


def test_a_row_of_other_settings_is_refused_though_it_is_not_run_now(ran, tmp_path, capsys):
    (cell,) = make_cells({"wide": CONFIGS["wide"]}, [0])
    cell.folder(tmp_path).mkdir(parents=True)
    cell.config.save(cell.folder(tmp_path) / "config.json")
    assert main("--out", str(tmp_path), "--only", "narrow") == 0 and len(ran) == 1
    assert main("--out", str(tmp_path), "--only", "narrow", "--epochs", "3") == 1 and len(ran) == 1
    assert "wide-0 holds a run of other settings: epochs was 7, now 3" in capsys.readouterr().err


def test_epochs_that_make_rows_alike_are_refused(ran, capsys):
    configs = {"short": Config(), "long": Config(epochs=14)}
    assert study_main("A study.", configs, "runs/default", study_pictures, arguments=["--epochs", "3"]) == 1
    assert "--epochs: the rows of this study differ in their epochs" in capsys.readouterr().err and not ran


def test_what_the_report_returns_is_in_the_table_and_a_failure_is_the_exit_status(ran, tmp_path, capsys):
    assert main("--out", str(tmp_path), "--jobs", "13", report=lambda study, results: f"{results['count']} µ\n") == 1
    assert (tmp_path / "table.md").read_text(encoding="utf-8").count("\n500 µ\n") == 1
    assert json.loads((tmp_path / "results.json").read_text())["rows"]["narrow"]["runs"]["0"] == "ValueError: planted"
    assert "table.md" in capsys.readouterr().out


def test_a_table_with_gaps_replaces_no_published_one(ran, tmp_path, capsys):
    published = tmp_path / "published"
    published.mkdir()
    (published / "table.md").write_text("whole")
    assert main("--out", str(tmp_path / "x"), "--publish", str(published), "--only", "wide") == 1
    assert "error: --publish: a table with gaps replaces none; see" in capsys.readouterr().err
    assert [path.name for path in published.iterdir()] == ["table.md"]
    assert (published / "table.md").read_text() == "whole" and (tmp_path / "x" / "table.md").is_file()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--only", "wide,deep"], "error: --only: there is no row 'deep'; there are narrow, wide, integral"),
    (["--dry-run", "--publish", "x"], "error: --publish: the scores of a dry run are worth nothing; leave out"),
    (["--seeds", "0"], "argument --seeds: must be an integer above 0, not '0'"),
    (["--jobs", "two"], "argument --jobs: must be an integer above 0, not 'two'"),
])  # fmt: skip
def test_a_mistake_is_one_sentence(ran, tmp_path, capsys, arguments, message):
    try:
        assert main("--out", str(tmp_path), *arguments) == 1
    except SystemExit as error:
        assert error.code == 2
    assert message in capsys.readouterr().err and not ran


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_cells", interrupted)
    assert main("--out", str(tmp_path)) == 130 and "the same command goes on from there" in capsys.readouterr().err


def test_what_the_table_calls_the_same_network_is():
    for names in compare_architectures().SAME.items():
        first, second = (models.create(model, head=head) for model, head in (name.split("-") for name in names))
        arrays = [{key: value.shape for key, value in model.state_dict().items()} for model in (first, second)]
        assert arrays[0] == arrays[1]
        second.load_state_dict(first.state_dict())
        images = Tensor(np.random.default_rng(0).random((1, 3, 64, 64), np.float32))
        np.testing.assert_array_equal(first.eval()(images).data, second.eval()(images).data)
    names = set(compare_architectures().rows()) | set(compare_architectures().SAME)
    assert names == {f"{model}-{head}" for model in models.names() for head in models.HEADS}


def test_a_network_has_one_colour_in_the_curves_of_all_heads(tmp_path, monkeypatch):
    module = compare_architectures()
    rows, places = module.rows(), {name: set() for name in models.names()}

    def curves(logs, path):
        for place, name in enumerate(logs):  # which is its colour
            places[rows[name].model].add(place)

    costs = {"networks": {}, "threads": 1, "cpu": "any", "rounds": 1}
    monkeypatch.setattr(module, "comparison_curves", curves)
    monkeypatch.setattr(module, "measure_costs", lambda *_, **__: costs)
    logs = {name: [tmp_path / name] for name in rows}
    ran = SimpleNamespace(configs=rows, out=tmp_path, dry=True, logs=lambda: logs)
    module.report(ran, {"rows": {name: {} for name in rows}})
    assert {name: len(of_network) for name, of_network in places.items()} == dict.fromkeys(models.names(), 1), places


def test_the_table_of_architectures_is_made_by_its_command(tmp_path):
    command = [sys.executable, EXAMPLE, "--dry-run", "--seeds", "1", "--only",
               "hourglass-heatmap", "--out", tmp_path]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    files = {"results.json", "costs.json", "table.md", "pckh50.png", "report_score.png", "curves-heatmap.png"}
    assert files | {"cells"} <= {path.name for path in tmp_path.iterdir()}
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    results, costs = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("results", "costs"))
    row = results["rows"]["hourglass-heatmap"]
    plain = table.split("## EPE")[1].split("| hourglass-heatmap ")[1].split("|")[1]
    assert plain.strip() == f"{row['sets']['plain']['epe_px']['mean']:.2f}"
    for name, cost in costs["networks"].items():
        assert f"| {name} " in table and f"{cost['parameters']:,}" in table
    assert "hourglass-scalar, seed 0: not run" in table and table.count("truth through codec") == 3
    assert costs["networks"]["hourglass-heatmap"]["parameters"] == row["parameters"]


def test_what_is_published_is_the_table_and_what_it_has_links_to(ran, tmp_path, monkeypatch):
    def finished(*arguments):
        results = collect(*arguments)
        for row in results["rows"].values():
            row["runs"] = dict.fromkeys(row["runs"], "finished")
        return results

    monkeypatch.setattr(study, "collect", finished)

    def report(study, results):
        for name in ("shown.png", "hidden.png", "linked.json", "old.json"):
            (study.out / name).write_bytes(b"content")
        return "![a](shown.png) [b](linked.json) old.json"

    assert main("--out", str(tmp_path / "out"), "--publish", str(tmp_path / "docs"), report=report) == 0
    files = ["linked.json", "results.json", "shown.png", "table.md"]
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == files
    assert (tmp_path / "docs" / "results.json").read_text() == (tmp_path / "out" / "results.json").read_text()
