"""What is written in pages without cells is what the code and the measurements say."""

from __future__ import annotations

import json
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SPEED = PROJECT / "docs" / "performance"
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def results(name: str) -> dict:
    return json.loads((SPEED / name).read_text(encoding="utf-8"))


def test_the_proof_lists_the_operations_and_counts_of_the_cases(torch):
    """The errors on the page are of the machine that wrote it; `python -m tests.operations` writes it anew."""
    from tests.operations import case_count, listed

    page = (PROJECT / "docs" / "reference" / "proof.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == {name: len(cases) for name, cases in listed().items()}
    assert f"runs the {case_count()} cases" in page


def test_the_readme_says_the_speed_that_was_measured_on_the_cpu():
    ratios = [network["step"]["ratio"]["min"] for network in results("results.json")["networks"].values()]
    assert f"{min(ratios):.1f} to {max(ratios):.1f} times as fast" in " ".join(README.split())


def test_readme_and_changelog_say_the_speed_that_was_measured_on_a_gpu():
    sides = {network["batch"]: network["sides"] for network in results("gpu.json")["networks"]}
    times = {b: s["minipose"]["step"]["min"] / s["float32"]["step"]["min"] for b, s in sides.items()}
    said = rf"takes {times[32]:.1f} times PyTorch's time with 32 images.* and {times[128]:.1f} times with 128"
    for text in (README, (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")):
        assert re.search(said, " ".join(text.split()))


def test_the_readme_counts_the_lines_that_can_be_read_in_an_afternoon():
    autograd = [PROJECT / "minipose" / "autograd" / name for name in ("function.py", "engine.py")]
    for files in (autograd, (PROJECT / "minipose" / "kernels" / "reference").glob("*.py")):
        assert 450 < sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < 550
