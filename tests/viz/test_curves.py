import csv

import numpy as np
import pytest

from minipose.viz import comparison_curves, curves, training_curves

COLUMNS = (
    "epoch", "step", "loss", "validation_pckh", "validation_epe", "learning_rate", "images_per_second", "seconds",
)  # fmt: skip


def random_rows(count):
    generator = np.random.default_rng(count)
    return [
        {
            "epoch": epoch,
            "step": 130 * epoch,
            "loss": generator.uniform(1e-3, 1e-2),
            "validation_pckh": generator.uniform(0.2, 0.9),
            "validation_epe": generator.uniform(2, 9),
            "learning_rate": generator.uniform(1e-5, 1e-3),
            "images_per_second": 400.0,
            "seconds": 11.0 * epoch,
        }
        for epoch in range(1, count + 1)
    ]


def write(path, rows, columns=COLUMNS):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("count", [1, 2, 200])
def test_each_curve_is_its_column(tmp_path, monkeypatch, count):
    rows = random_rows(count)
    log = write(tmp_path / "log.csv", rows, columns=COLUMNS[::-1])
    figures = []
    save_png = curves.save_png
    monkeypatch.setattr(curves, "save_png", lambda figure, path: (figures.append(figure), save_png(figure, path)))
    training_curves(log, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    curves_by_label = {axes.get_ylabel(): axes for axes in figures[0].axes}
    labels = {"training loss": "loss", "validation PCKh@0.5": "validation_pckh", "learning rate": "learning_rate"}
    assert set(curves_by_label) == set(labels)
    for label, column in labels.items():
        axes = curves_by_label[label]
        (line,) = axes.get_lines()
        np.testing.assert_array_equal(line.get_xdata(), [row["step"] for row in rows])
        np.testing.assert_array_equal(line.get_ydata(), [row[column] for row in rows])
        assert axes.get_yscale() == ("log" if column == "loss" else "linear")
        assert axes.viewLim.containsx(rows[0]["step"]) and axes.viewLim.containsx(rows[-1]["step"])
        low, high = axes.get_ylim()
        assert low < min(row[column] for row in rows) and max(row[column] for row in rows) < high
        assert (line.get_marker() == "o") == (count < 200)  # a single row has no line, only its dot
    best = max(rows, key=lambda row: row["validation_pckh"])
    title = curves_by_label["validation PCKh@0.5"].get_title(loc="right")
    assert title == f"best {best['validation_pckh']:.3f} at step {best['step']}"


def test_the_average_precision_of_people_stands_in_place_of_pckh(tmp_path, monkeypatch):
    rows = [{**row, "validation_pckh": "nan", "validation_ap": row["validation_pckh"]} for row in random_rows(3)]
    log = write(tmp_path / "log.csv", rows, (*COLUMNS, "validation_ap"))
    figures = []
    monkeypatch.setattr(curves, "save_png", lambda figure, path: figures.append(figure))
    training_curves(log, tmp_path / "curves.png")
    comparison_curves({"one": log}, tmp_path / "curves.png")
    for figure in figures:
        axes = figure.axes[1]
        assert axes.get_ylabel() == "validation OKS-AP"
        np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), [row["validation_ap"] for row in rows])
    logs = {"people": log, "one": write(tmp_path / "one.csv", random_rows(3))}
    with pytest.raises(ValueError, match="must have the same score, not validation_ap and validation_pckh"):
        comparison_curves(logs, tmp_path / "curves.png")
    rows[1]["validation_ap"] = 75
    write(log, rows, (*COLUMNS, "validation_ap"))
    with pytest.raises(ValueError, match="row 2 .* has validation_ap '75', which should be a fraction from 0 to 1"):
        training_curves(log, tmp_path / "curves.png")


def test_the_same_log_gives_the_same_file(tmp_path):
    log = write(tmp_path / "log.csv", random_rows(7))
    for name in ("a.png", "b.png"):
        training_curves(log, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (2, "loss", "nan", "row 3 .* has loss 'nan', which should be a positive number"),
        (0, "loss", "0", "row 1 .* has loss '0'"),
        (1, "loss", "", "row 2 .* has loss ''"),
        (1, "validation_pckh", "87.5", "row 2 .* has validation_pckh '87.5', which should be a fraction from 0 to 1"),
        (1, "learning_rate", "fast", "row 2 .* has learning_rate 'fast'"),
        (3, "step", "130", "row 4 .* has step '130', which should be a number above that of the row before"),
    ],
)
def test_values_that_cannot_be_drawn_truly_are_refused(tmp_path, row, column, value, message):
    rows = random_rows(5)
    rows[row][column] = value
    log = write(tmp_path / "log.csv", rows)
    with pytest.raises(ValueError, match=f"^training_curves: {message}"):
        training_curves(log, tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


def test_files_that_are_no_log_are_refused(tmp_path):
    picture = tmp_path / "curves.png"
    with pytest.raises(ValueError, match=r"^training_curves: cannot read the log '.*none\.csv': .*No such file"):
        training_curves(tmp_path / "none.csv", picture)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match=r"^training_curves: cannot read the log '.*binary\.csv'"):
        training_curves(binary, picture)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(ValueError, match="has no column step, loss, validation_pckh, learning_rate$"):
        training_curves(empty, picture)
    old = write(tmp_path / "old.csv", random_rows(3), [name for name in COLUMNS if name != "validation_pckh"])
    with pytest.raises(ValueError, match="has no column validation_pckh$"):
        training_curves(old, picture)
    with pytest.raises(ValueError, match="has no row yet"):
        training_curves(write(tmp_path / "new.csv", []), picture)
    cut_off = tmp_path / "cut.csv"
    cut_off.write_text(",".join(COLUMNS) + "\n1,130,0.01,0.5,3,0.001,400,11\n2,260\n")
    with pytest.raises(ValueError, match="row 2 of the log .* has loss None"):
        training_curves(cut_off, picture)
    with pytest.raises(ValueError, match=r"^training_curves: path must end in \.png, got '.*curves\.pdf'"):
        training_curves(write(tmp_path / "log.csv", random_rows(2)), tmp_path / "curves.pdf")
    assert not picture.exists()


def test_runs_are_compared_under_their_names(tmp_path, monkeypatch):
    rows = {"narrow": random_rows(3), "$wide": random_rows(5)}
    logs = {name: write(tmp_path / f"{len(of_run)}.csv", of_run) for name, of_run in rows.items()}
    figures = []
    monkeypatch.setattr(curves, "save_png", lambda figure, path: figures.append(figure))
    comparison_curves(logs, tmp_path / "both.png")
    for axes, column in zip(figures[0].axes, ("loss", "validation_pckh"), strict=True):
        for line, of_run in zip(axes.get_lines(), rows.values(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [row["step"] for row in of_run])
            np.testing.assert_array_equal(line.get_ydata(), [row[column] for row in of_run])
    low, high = figures[0].axes[1].get_ylim()
    scores = [row["validation_pckh"] for of_run in rows.values() for row in of_run]
    span = max(scores) - min(scores)
    assert min(scores) - 0.1 * span < low < min(scores) and max(scores) < high < max(scores) + 0.1 * span
    (legend,) = figures[0].legends  # beside the axes, where it hides no curve
    assert [text.get_text() for text in legend.get_texts()] == ["narrow", r"\$wide"]
    for count in (0, 11):
        with pytest.raises(ValueError, match=f"logs must be of 1 to 10 runs, got {count}"):
            comparison_curves({str(i): tmp_path / "3.csv" for i in range(count)}, tmp_path / "none.png")
    with pytest.raises(ValueError, match="logs must have a path for each name, but 'b' has none"):
        comparison_curves({"a": tmp_path / "3.csv", "b": []}, tmp_path / "none.png")
