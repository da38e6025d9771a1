"""Statistics, tables and costs against numbers by hand."""

import json
import statistics

import numpy as np
import pytest

from minipose import models, nn
from minipose.train import TEST_SETS, Config
from minipose.train.studies import (
    Cell,
    collect,
    costs,
    make_cells,
    markdown_table,
    measure_costs,
    number,
    score_table,
    score_tables,
    spread,
)

METRICS = {"pckh10": 0.5, "auc": 0.5, "epe_px": 2.0, "report_score": 0.25, "pckh50_agnostic": 0.5,
           "poses": 7}  # fmt: skip


def write_metrics(cell, out, scores, codec=1.0, findings=()):
    """Write what `score_run` would; `scores` are PCKh@0.5 of the four sets."""
    def part(values):
        return {name: {**METRICS, "pckh50": value} for name, value in zip(TEST_SETS, values, strict=True)}

    metrics = {"sets": part(scores), "mean_pose": part([0.1] * 4), "image_centre": part([0.05] * 4),
               "codec": part([codec] * 4), "findings": list(findings), "seconds": 3.0, "parameters": 99}  # fmt: skip
    for index, row in enumerate(metrics["sets"].values()):
        row["epe_px"] = scores[0] + index
    cell.folder(out).mkdir(parents=True, exist_ok=True)
    (cell.folder(out) / "metrics.json").write_text(json.dumps(metrics))


@pytest.fixture
def results(tmp_path):
    """Two rows of two seeds, which differ in their head; of the second row one run has failed."""
    cells = make_cells({"a": Config(head="heatmap"), "b": Config(head="scalar")}, [4, 5])
    write_metrics(cells[0], tmp_path, [0.9, 0.8, 0.7, 0.6])
    write_metrics(cells[1], tmp_path, [0.3, 0.3, 0.3, None], codec=0.98)
    write_metrics(cells[2], tmp_path, [0.7, 0.8, 0.9, 0.6])
    return collect(cells, tmp_path, 7, {"b-5": "ValueError: a | b\nc"})


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [([1.0, 2.0, 4.0], 7 / 3, (7 / 3) ** 0.5), ([2.0], 2.0, None), ([None, 1.0, 2.0], 1.5, 0.5**0.5),
     ([None], None, None), ([0.1] * 3, 0.1, 0.0)],
)  # fmt: skip
def test_mean_and_standard_deviation_of_a_sample(values, mean, deviation):
    result = spread(values)
    assert result["values"] == values
    assert result["mean"] == pytest.approx(mean, abs=1e-15) and result["spread"] == pytest.approx(deviation, abs=1e-15)
    known = [value for value in values if value is not None]
    assert deviation is None or result["spread"] == pytest.approx(np.std(known, ddof=1), abs=1e-15)


def test_a_row_gathers_its_seeds(results):
    row = results["rows"]["a"]
    assert row["runs"] == {"4": "finished", "5": "finished"} and "seed" not in row["config"]
    assert row["sets"]["plain"]["pckh50"]["values"] == [0.9, 0.7]
    assert row["sets"]["plain"]["pckh50"]["mean"] == pytest.approx(0.8)
    assert row["sets"]["plain"]["pckh50"]["spread"] == pytest.approx(0.02**0.5)
    assert row["parameters"] == 99 and row["seconds"]["mean"] == 3
    assert row["multiply_adds"] == nn.summary(models.create("hourglass"), (1, 3, 64, 64)).multiply_adds
    assert results["rows"]["b"]["runs"] == {"4": "finished", "5": "ValueError: a | b\nc"}
    assert results["rows"]["b"]["sets"]["platform"]["pckh50"]["mean"] is None
    assert json.loads(json.dumps(results)) == results


def test_the_table_tells_what_is_missing_and_what_to_compare_with(results):
    lines = score_table(results, "pckh50").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["PCKh@0.5", "plain", "circles", "shapes", "platform"]
    assert cells[2:] == [
        ["a", "0.800 ± 0.141", "0.800 ± 0.000", "0.800 ± 0.141", "0.600 ± 0.000"],
        ["b (1 of 2 seeds)", "0.300", "0.300", "0.300", "not measured"],
        ["*mean pose, head heatmap*", *["0.100 ± 0.000"] * 4],
        ["*mean pose, head scalar*", *["0.100"] * 4],
        ["*image centre, head heatmap*", *["0.050 ± 0.000"] * 4],
        ["*image centre, head scalar*", *["0.050"] * 4],
        ["*truth through codec, head heatmap*", *["1.000 ± 0.000"] * 4],
        ["*truth through codec, head scalar*", *["0.980"] * 4],
    ]
    text = score_tables(results)
    assert text.startswith("Mean ± standard deviation over 2 seeds; 7 images in each test set. Each run: epochs 7, ")
    assert f"\n| a       |         99 | {results['rows']['a']['multiply_adds'] / 1e6:30.1f} |\n" in text
    assert "## Missing runs\n\n- b, seed 5: ValueError: a \\| b c\n" in text and "Suspicious" not in text


def test_a_reference_line_is_told_by_the_setting_that_decides_it(tmp_path):
    heads = {"a": "heatmap", "b": "integral", "c": "scalar"}
    configs = {name + str(width): Config(head=head, width=width) for name, head in heads.items() for width in (4, 8)}
    cells = make_cells(configs, [0])
    for i, cell in enumerate(cells):
        write_metrics(cell, tmp_path, [0.1 * i] * 4, codec=0.5 if cell.config.head == "integral" else 1.0)
    rows = [line.split("|")[1].strip() for line in score_table(collect(cells, tmp_path, 7), "pckh50").splitlines()]
    expected = ["head heatmap or scalar", "head integral"]
    assert rows[8:] == ["*mean pose*", "*image centre*", *(f"*truth through codec, {one}*" for one in expected)]
    assert "## Sizes" in score_tables(collect(cells, tmp_path, 7))
    write_metrics(cells[1], tmp_path, [0.9] * 4, codec=0.5)
    rows = [line.split("|")[1].strip() for line in score_table(collect(cells, tmp_path, 7), "pckh50").splitlines()]
    assert rows[10:] == ["*truth through codec, a4, c4, c8*", "*truth through codec, a8, b4, b8*"]


def test_options_of_networks_tell_too_and_images_are_those_of_whole_batches(tmp_path):
    configs = {str(s): Config(epoch_size=100, batch_size=32, options={"output_stride": s}) for s in (2, 4, 8)}
    cells = make_cells(configs, [0])
    for i, cell in enumerate(cells):
        write_metrics(cell, tmp_path, [0.1 * i] * 4, codec=0.5 if cell.name == "8" else 1.0)
    text = score_tables(collect(cells, tmp_path, 7))
    assert "*truth through codec, output_stride 2 or 4*" in text and "*truth through codec, output_stride 8*" in text
    assert "images in each 96, batch size 32" in text


def test_networks_of_one_size_need_no_table_of_sizes(tmp_path):
    cells = make_cells({"a": Config(), "b": Config(sigma=1.0)}, [0])
    for i, cell in enumerate(cells):
        write_metrics(cell, tmp_path, [0.1 * i] * 4)
    assert "## Sizes" not in score_tables(collect(cells, tmp_path, 7))


def test_a_row_without_any_run_says_so(tmp_path):
    cells = make_cells({"a": Config(), "b": Config(width=8)}, [0])
    write_metrics(cells[0], tmp_path, [0.5] * 4)
    text = score_tables(collect(cells, tmp_path, 7))
    assert text.count("no finished run") == 3 * 4 + 2 and "- b, seed 0: not run\n" in text
    assert text.startswith("One seed, so there is no spread; ")


def test_runs_with_the_same_scores_and_scores_with_errors_are_suspicious(tmp_path):
    cells = make_cells({"a": Config(), "b": Config(width=8)}, [0])
    finding = {"message": "x and y are exchanged", "is_error": True}
    write_metrics(cells[0], tmp_path, [0.5] * 4, findings=[finding, {"message": "a trifle", "is_error": False}])
    write_metrics(cells[1], tmp_path, [0.5] * 4)
    results = collect(cells, tmp_path, 7)
    assert results["suspicious"][0] == "a, seed 0: x and y are exchanged" and len(results["suspicious"]) == 2
    assert "'a, seed 0' and 'b, seed 0' have the same scores" in results["suspicious"][1]
    assert score_tables(results).count("\n- ") == 2


@pytest.mark.parametrize("damage", [
    lambda m: m["sets"].pop("shapes"), lambda m: m["codec"]["plain"].pop("auc"), lambda m: m.pop("findings"),
    lambda m: m["sets"]["circles"].update(poses=6), lambda m: m.update(sets=[]),
])  # fmt: skip
def test_metrics_that_are_not_whole_do_not_count(tmp_path, damage):
    cell = Cell("a", Config())
    write_metrics(cell, tmp_path, [0.5] * 4)
    assert cell.metrics(tmp_path, 7)
    metrics = cell.metrics(tmp_path, 7)
    damage(metrics)
    (cell.folder(tmp_path) / "metrics.json").write_text(json.dumps(metrics))
    assert cell.metrics(tmp_path, 7) is None


def test_markdown():
    assert markdown_table(["name", "x"], [["a|b", "1"], ["c", "10.5"]]) == (
        "| name |    x |\n| ---- | ---: |\n| a\\|b |    1 |\n| c    | 10.5 |\n"
    )
    for row in (["a"], ["a", ""], ["a", " "]):
        with pytest.raises(ValueError, match="each row must have 2 cells, none of them empty, not"):
            markdown_table(["name", "x"], [row])
    assert number({"mean": 2.0, "spread": 0.25, "values": []}, 2) == "2.00 ± 0.25" and number(None) == "not measured"


def test_costs_are_measured_in_turns(monkeypatch):
    configs = {"a": Config(width=4, size=32), "b": Config(width=8, size=32)}
    turns, clock = [], iter(range(1, 1000))

    def milliseconds(model, images):
        turns.append((sum(p.numel() for p in model.parameters()), images.shape, images.strides[1]))
        return next(clock)

    monkeypatch.setattr(costs, "_milliseconds", milliseconds)
    result = measure_costs(configs, batch_sizes=(16, 4), rounds=2)
    sizes = [result["networks"][name]["parameters"] for name in configs]
    assert [turn[0] for turn in turns[:6]] == sizes * 3
    assert [turn[0] for turn in turns[6:]] == [*sizes, *np.repeat(sizes * 2, 2)]
    assert {turn[1] for turn in turns} == {(16, 3, 32, 32), (4, 3, 32, 32)} and {turn[2] for turn in turns} == {4}
    assert result["networks"]["a"]["milliseconds"]["16"] == {"best": 3 / 16, "median": 4 / 16}  # 1 does not count
    median = statistics.median([9, 10, 13, 14]) / 4
    assert result["networks"]["a"]["milliseconds"]["4"] == {"best": 9 / 4, "median": median}
    summary = nn.summary(models.create("hourglass", width=4), (1, 3, 32, 32))
    assert result["networks"]["a"]["multiply_adds"] == summary.multiply_adds
    assert result["rounds"] == 2 and result["threads"] >= 1 and result["cpu"]
    with pytest.raises(ValueError, match="measure_costs: rounds must be"):
        measure_costs(configs, rounds=0)
