"""The sentences of a study against numbers by hand."""

import pytest

from minipose.train import Config
from minipose.train.studies import collect, compare, difference, make_cells, page
from tests.train.studies.test_results import write_metrics


def results(tmp_path, b=(0.5, 0.7)):
    """Two rows of two seeds, whose PCKh@0.5 on platform is 0.9 and 0.8, and `b`."""
    cells = make_cells({"a": Config(), "b": Config(width=8), "c": Config(width=9)}, [0, 1])
    for cell, value in zip(cells, (0.9, b[0], None, 0.8, b[1], None), strict=True):
        if value is not None:
            write_metrics(cell, tmp_path, [0.1, 0.2, 0.3, value])
    return collect(cells, tmp_path, 7)


def test_a_difference_has_its_sign_and_its_standard_error(tmp_path):
    # The variances are 0.1**2 / 2 and 0.2**2 / 2, of two values each: the error is sqrt(0.0025 + 0.01).
    assert difference(results(tmp_path), "a", "b") == (
        "PCKh@0.5 on platform: a 0.850 ± 0.071, b 0.600 ± 0.141: a difference of +0.250 (standard error 0.112)"
    )
    assert "a difference of -0.250" in difference(results(tmp_path), "b", "a")
    assert difference(results(tmp_path), "a", "b", test_set="circles").endswith("+0.000 (standard error 0.000)")
    assert compare(results(tmp_path), "a", "b") == pytest.approx((0.25, 0.0125**0.5))
    said = difference(results(tmp_path), "a", "b", "report_score", "plain")
    assert said.startswith("report_score on plain (lower is better): a 0.250")


def test_a_run_whose_score_could_not_be_measured_does_not_lower_the_standard_error(tmp_path):
    of_two = results(tmp_path)
    scores = [of_two["rows"][name]["sets"]["platform"]["pckh50"] for name in ("a", "b")]
    before = difference(of_two, "a", "b")
    for one in scores:
        one["values"].append(None)
    assert difference(of_two, "a", "b") == before


def test_what_cannot_be_compared_says_so(tmp_path):
    said = "a and c cannot be compared: there is no finished run of c"
    assert difference(results(tmp_path), "a", "c") == said
    with pytest.raises(ValueError, match=f"^{said}$"):
        compare(results(tmp_path), "a", "c")


def test_a_page_has_its_answers_before_its_tables(tmp_path):
    question = "Is a best? Yes.\n\n    run\n"
    text = page(question, results(tmp_path), [("a", "b"), ("b", "a", "epe_px")], "## More\n\nMore.\n")
    first, second = difference(results(tmp_path), "a", "b"), difference(results(tmp_path), "b", "a", "epe_px")
    picture = "![PCKh@0.5 of every row, its runs and their mean](pckh50.png)"
    assert text.startswith(f"# Is a best?\n\nYes.\n\n    run\n\n- {first}\n- {second}\n\n{picture}\n\nMean ± ")
    assert text.endswith("\n\n## More\n\nMore.\n\nThe numbers of every run: [results.json](results.json).\n")
    assert "no finished run" in text and "\n\n\n" not in text


def test_a_page_without_a_finished_run_shows_no_picture(tmp_path):
    text = page("All rows.", collect(make_cells({"a": Config()}, [0]), tmp_path, 7))
    assert text.startswith("# All rows\n\nOne seed") and "png" not in text
