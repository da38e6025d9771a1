"""The sentences of a study against numbers by hand."""

from minipose.train import Config
from minipose.train.studies import collect, difference, make_cells, page
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
        "a 0.850 ± 0.071, b 0.600 ± 0.141: a difference of +0.250 (standard error 0.112)"
    )
    assert "a difference of -0.250" in difference(results(tmp_path), "b", "a")
    assert difference(results(tmp_path), "a", "b", test_set="circles").endswith("+0.000 (standard error 0.000)")


def test_what_cannot_be_compared_says_so(tmp_path):
    said = "a and c cannot be compared: there is no finished run of c"
    assert difference(results(tmp_path), "a", "c") == said


def test_a_page_has_its_answers_before_its_tables(tmp_path):
    text = page(results(tmp_path), "first", "second", picture="x.png")
    assert text.startswith("- first\n- second\n\n![PCKh@0.5 of every row, its runs and their mean](x.png)\n\n")
    assert text.index("x.png") < text.index("| PCKh@0.5 ") and "no finished run" in text
