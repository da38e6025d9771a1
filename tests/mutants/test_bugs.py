"""The list of bugs is in order: enough of them, no two alike, and each still has its place in the code."""

from pathlib import Path

import minipose
from tests.mutants.bugs import BUGS

PACKAGE = Path(minipose.__file__).parent
AT_LEAST = 40


def test_there_are_enough_bugs_and_each_has_a_name():
    assert len(BUGS) >= AT_LEAST
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len(BUGS)


def test_each_bug_has_its_place_in_the_code():
    places = {bug.name: (PACKAGE / bug.file).read_text(encoding="utf-8").count(bug.old) for bug in BUGS}
    assert {name: count for name, count in places.items() if count != 1} == {}
