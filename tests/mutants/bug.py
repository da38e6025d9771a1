"""What a planted bug is, and short names for the tests that notice most of them."""

from __future__ import annotations

from typing import NamedTuple

CASES = "tests/ops/test_every_case.py -k"
DIFFERENCES = f"{CASES} test_gradient_matches_differences and"
TWICE = f"{CASES} test_second_order_matches_differences and"
TORCH = f"{CASES} test_matches_torch and float64 and"


class Bug(NamedTuple):
    """In `file` below minipose/, the text `old`, which stands there once, becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: str
