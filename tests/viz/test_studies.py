import copy

import numpy as np
import pytest

from minipose.viz import comparison_curves, studies, study_pictures, study_points

SETS = ("plain", "platform")


def scores(values):
    known = [value for value in values if value is not None]
    return {"values": values, "mean": float(np.mean(known)), "spread": float(np.std(known, ddof=1))}


def row(*values):
    part = {name: {m: scores([v + 0.01 * i for v in values]) for m in ("pckh50", "report_score")}
            for i, name in enumerate(SETS)}  # fmt: skip
    flat = {"values": [0.3], "mean": 0.3, "spread": None}
    pose = {name: {"pckh50": flat, "report_score": flat} for name in SETS}
    return {"config": {}, "runs": {}, "sets": part, "mean_pose": pose}


RESULTS = {"count": 5, "rows": {"first_$": row(0.5, 0.7, 0.9), "none": {"config": {}, "runs": {"0": "not run"}},
                                "last": row(0.2, 0.4)}}  # fmt: skip


@pytest.fixture
def figures(monkeypatch):
    drawn, save_png = [], studies.save_png
    monkeypatch.setattr(studies, "save_png", lambda figure, path: (drawn.append(figure), save_png(figure, path)))
    return drawn


def test_each_run_is_a_dot_and_each_row_a_mean_with_its_spread(tmp_path, figures):
    study_points(RESULTS, "pckh50", tmp_path / "points.png")
    assert (tmp_path / "points.png").read_bytes().startswith(b"\x89PNG")
    panels = figures[0].axes
    assert [axes.get_title() for axes in panels] == list(SETS)
    legend = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert legend == ["a run", "mean ± standard deviation", "the mean pose, where it is near"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["first_$", "none", "last"]
    for i, axes in enumerate(panels):
        assert axes.get_ylim() == (2.5, -0.5)
        lines, dots, first, last = [], [], *axes.containers
        for line in axes.get_lines():
            at = np.unique(line.get_ydata())
            (lines if len(at) == 2 else dots).append(line)
        np.testing.assert_allclose([line.get_xdata() for line in lines], 0.3)
        runs = [line for line in dots if line.get_alpha()]
        assert all(abs(line.get_ydata()[0] - height) < 0.5 for line, height in zip(runs, (0, 2), strict=True))
        np.testing.assert_allclose(runs[0].get_xdata(), np.array([0.5, 0.7, 0.9]) + 0.01 * i)
        np.testing.assert_allclose(runs[1].get_xdata(), np.array([0.2, 0.4]) + 0.01 * i)
        for bar, height, mean, deviation in ((first, 0, 0.7, 0.2), (last, 2, 0.3, 0.02**0.5)):
            data, _, (segment,) = bar
            np.testing.assert_allclose(data.get_xydata(), [[mean + 0.01 * i, height + 0.15]])
            ends = segment.get_segments()[0][:, 0] - 0.01 * i
            np.testing.assert_allclose(ends, [mean - deviation, mean + deviation])


def test_the_axis_spans_the_runs_and_their_spread_but_not_the_mean_pose(tmp_path, figures):
    close = {"rows": {"a": row(0.95, 0.96), "b": row(0.97, 0.97)}}
    for pose in (close["rows"][name]["mean_pose"] for name in "ab"):
        pose["plain"]["pckh50"] = {"values": [0.05], "mean": 0.05, "spread": None}
    study_points(close, "pckh50", tmp_path / "points.png")
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["a run", "mean ± standard deviation"]
    spread = 0.5e-2 * 2**0.5
    for axes in figures[0].axes:
        low, high = axes.get_xlim()
        assert 0.94 < low < 0.955 - spread and 0.98 < high < 0.99
    for one in close["rows"].values():
        one.pop("mean_pose")  # as the scores of one network with several decoders
    study_points(close, "pckh50", tmp_path / "points.png")
    same = {"rows": {"a": row(0.5, 0.5), "b": row(0.5, 0.5)}}
    for one in same["rows"].values():
        one["sets"] = {"plain": one["sets"]["plain"]}
    study_points(same, "pckh50", tmp_path / "points.png")
    assert figures[2].axes[0].get_xlim() == (0.49, 0.51)


def test_what_cannot_be_drawn_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="study_points: metric must be one of pckh50, .*, not 'loss'"):
        study_points(RESULTS, "loss", tmp_path / "a.png")
    with pytest.raises(ValueError, match="no row has a finished run"):
        study_points({"rows": {"none": RESULTS["rows"]["none"]}}, "pckh50", tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"study_points: path must end in \.png"):
        study_points(RESULTS, "pckh50", tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_what_a_study_has_is_drawn(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,loss,validation_pckh,learning_rate\n1,0.5,0.1,0.1\n2,0.4,0.2,0.1\n")
    study_pictures(RESULTS, {"first": [log, log]}, tmp_path)
    assert {p.name for p in tmp_path.glob("*.png")} == {"pckh50.png", "report_score.png", "curves.png"}
    empty = tmp_path / "empty"
    empty.mkdir()
    unfinished = copy.deepcopy(RESULTS)
    for one in unfinished["rows"].values():
        one.pop("sets", None)
    study_pictures(unfinished, {}, empty)
    study_pictures(unfinished, {str(i): [log] for i in range(11)}, empty)
    assert not list(empty.iterdir())


def test_runs_of_a_row_share_a_colour(tmp_path, monkeypatch):
    from minipose.viz import curves

    drawn, logs = [], []
    monkeypatch.setattr(curves, "save_png", lambda figure, path: drawn.append(figure))
    for i in range(3):
        logs.append(tmp_path / f"{i}.csv")
        logs[-1].write_text(f"step,loss,validation_pckh,learning_rate\n1,0.{i + 1},0.1,0.1\n")
    comparison_curves({"a": logs[:2], "b": logs[2]}, tmp_path / "curves.png")
    for axes in drawn[0].axes:
        assert [line.get_color() for line in axes.get_lines()] == ["C0", "C0", "C1"]
    loss, _ = drawn[0].axes
    assert [line.get_ydata()[0] for line in loss.get_lines()] == [0.1, 0.2, 0.3]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["a", "b"]
