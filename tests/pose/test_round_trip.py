"""The table of docs/reference/codecs.md: as good as what is known of each codec, and as the page says."""

from pathlib import Path

import pytest

from tests import codecs

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "codecs.md"
SAMPLING = 0.015  # the known errors were measured on some hundred keypoints
KNOWN = {  # cells, on a map of 32 x 32: sigma 1, 1.5, 2, and 1.5 with noise of 0.03
    "rounded, argmax": (0.387, 0.380, 0.390, 0.375),
    "rounded, quarter offset": (0.387, 0.380, 0.390, 0.481),
    "real-valued, argmax": (0.387, 0.380, 0.390, 0.392),
    "real-valued, quarter offset": (0.188, 0.184, 0.190, 0.212),
    "real-valued, DARK": (0, 0, 0, 0.031),
    "real-valued, DARK without blur": (0, 0, 0, 0.092),
    "real-valued, soft-argmax, beta 10": (0.53, 0.24, 0.13, 0.24),
    "real-valued, soft-argmax, beta 25": (0.28, 0.18, 0.07, 0.20),
}


@pytest.fixture(scope="module")
def tables():
    return codecs.tables()


@pytest.mark.parametrize("row", KNOWN)
def test_errors_are_the_known_ones_or_smaller(row, tables):
    for column, known in zip(codecs.COLUMNS, KNOWN[row], strict=False):
        assert tables[0][row][column] <= known + (SAMPLING if known else 0.0005), column


def test_the_border_costs_what_it_must(tables):
    maps, others = tables
    for row in ("real-valued, DARK", "real-valued, DARK without blur"):
        assert maps[row]["border"] < 0.0005
    assert maps["real-valued, quarter offset"]["border"] < 0.3
    assert all(errors["border"] < 0.4 for row, errors in maps.items() if "argmax" in row and "soft" not in row)
    assert 0.3 < maps[codecs.INTEGRAL]["border"] < 0.8  # a mean over a map that ends cannot reach its edge


def test_codecs_without_a_map(tables):
    _, others = tables
    bin_ = 1 / 2 / codecs.STRIDE  # in cells; the centre of the bin is 0.383 of it away on average
    for place in ("inside", "border"):
        assert others["SimCC, split 2, argmax"][place] == pytest.approx(0.383 * bin_, rel=0.03)
        assert others["SimCC, split 2, expectation"][place] < 0.2 * bin_
        assert others["regression"][place] < 1e-6
    assert others["SimCC, split 2, expectation"]["inside"] < 0.02 * bin_


def numbers(page):
    return {
        cells[0]: [float(c) for c in cells[1:] if c not in ("-", "---:")]
        for cells in ([c.strip() for c in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| "))
        if cells[-1][0].isdigit()
    }


def test_the_page_is_what_the_command_writes(tables):
    """Numbers to 0.002, because another processor rounds otherwise; the words exactly."""
    written = PAGE.read_text()
    page = codecs.page(*tables)
    assert [line for line in page.splitlines() if line[:2] != "| "] == [
        line for line in written.splitlines() if line[:2] != "| "
    ]
    stored, measured = numbers(written), numbers(page)
    assert list(stored) == list(measured) and len(stored) == len(codecs.HEATMAPS) + 1 + len(codecs.WITHOUT_MAP)
    for row, errors in measured.items():
        assert stored[row] == pytest.approx(errors, abs=0.002), row
