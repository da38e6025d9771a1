"""Write the table of operations, their checks and their errors: python -m tests.operations > docs/reference/proof.md"""

from __future__ import annotations

import numpy as np
import torch

import minipose
from tests import oracle
from tests.names import cases_by_name
from tests.ops.families import FAMILIES
from tests.oracle import Case

HEAD = """# Proof

Every operation, the checks that it passes, and how far it is from PyTorch {torch}. This page is written by

    python -m tests.operations > docs/reference/proof.md

which runs the {count} cases of `tests/ops`. Counted for an operation are those of its family that call it. The
upstream gradients are random and the shapes asymmetric. An error is the largest of all cases, relative to the largest
entry of what PyTorch computes in float64 from the same numbers. Zero means equal to the last bit.

The checks are

- **d**: `gradcheck`, the gradient against differences, entry by entry, or against a complex step;
- **dd**: `gradgradcheck`, the second derivatives, by the inputs and by the upstream gradient;
- **a**: `adjoint_check`, for operations that are linear in their first input;
- **m**: the same numbers in six memory layouts, in float32 and in float64.

The tests run the same cases on the same checks, and ask for 1e-12 in float64 and 1e-5 in float32. Four cases are given
more room: the gradient of `hardsigmoid`, because PyTorch keeps its slope, 1/6, in float32; and `softmax`,
`log_softmax` and `layer_norm` of large numbers, which float32 has rounded before they are subtracted. A test fails when
an operation of `minipose.ops` is in no case, and another when this page lists other operations or counts than those of
the cases.

Comparisons have no gradient, and `to` is called on the way to other operations, whose errors it would show. They are
tested by themselves and left out here.

| operation | cases | value | gradient | second derivative | value, float32 | gradient, float32 | checks |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
"""
SEED = 20240607  # of the tests, tests/conftest.py
COLUMNS = ("value", "gradient", "second", "value, float32", "gradient, float32")
LEFT_OUT = ("gt", "lt", "to")  # called by the cases of other operations, and without an error of their own


def listed() -> dict[str, list[Case]]:
    """Return the cases of each operation on the page."""
    return {name: cases for name, cases in cases_by_name(FAMILIES).items() if name not in LEFT_OUT}


def case_count() -> int:
    """Return how many cases there are."""
    return sum(len(family.CASES) for family in FAMILIES)


def errors(case: Case) -> dict[str, float]:
    """Return the worst error of a case in each column."""
    worst = dict.fromkeys(COLUMNS, 0.0)
    for dtype, suffix in (("float64", ""), ("float32", ", float32")):
        for what, ours, theirs in oracle.torch_pairs(case, np.random.default_rng(SEED), torch, dtype):
            column = what.split()[0] + suffix
            worst[column] = max(worst[column], oracle.relative_error(ours, theirs))
    if case.torch_twice:
        for _, ours, theirs in oracle.torch_second_order_pairs(case, np.random.default_rng(SEED), torch):
            worst["second"] = max(worst["second"], oracle.relative_error(ours, theirs))
    return worst


def checks(case: Case, small: bool, linear: bool) -> set[str]:
    """Run the checks of a case and return the letters of those that it passes; a failure is an error."""
    passed = set()
    if small:
        oracle.check_gradient(case, np.random.default_rng(SEED))
        oracle.check_second_order(case, np.random.default_rng(SEED))
        passed |= {"d", "dd"}
    if linear:
        oracle.check_adjoint(case, np.random.default_rng(SEED), "float32")
        passed.add("a")
    for layout in oracle.LAYOUTS:
        oracle.check_layout(case, np.random.default_rng(SEED), layout, "float32")
        oracle.check_layout(case, np.random.default_rng(SEED), layout, "float64")
    return passed | {"m"}


def number(value: float) -> str:
    """Return an error as it stands in the table."""
    return f"{value:.0e}" if value else "0"


def main() -> None:
    """Run everything and print the page."""
    minipose.manual_seed(0)
    torch.manual_seed(0)
    measured = {}
    for family in FAMILIES:
        small, linear = getattr(family, "SMALL_CASES", family.CASES), getattr(family, "LINEAR", [])
        for case in family.CASES:
            measured[case.name, id(case)] = errors(case), checks(case, case in small, case in linear)
    print(HEAD.format(torch=torch.__version__.split("+")[0], count=case_count()), end="")
    for name, cases in listed().items():
        results = [measured[case.name, id(case)] for case in cases]
        worst = [number(max(r[0][column] for r in results)) for column in COLUMNS]
        letters = [c for c in ("d", "dd", "a", "m") if any(c in r[1] for r in results)]
        print(f"| `{name}` | {len(cases)} | {' | '.join(worst)} | {' '.join(letters)} |")


if __name__ == "__main__":
    main()
