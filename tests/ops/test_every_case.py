"""What every operation must stand: its family's file lists the cases, and what is particular to it."""

import pytest

from tests import oracle
from tests.ops.families import FAMILIES


def gather(name):
    """Parametrise over the lists `name` of all families; a family without one counts with all its CASES."""
    cases = [
        pytest.param(case, id=f"{family.__name__.rpartition('test_')[2]}-{case}")
        for family in FAMILIES
        for case in getattr(family, name, family.CASES if name == "SMALL_CASES" else [])
    ]
    return pytest.mark.parametrize("case", cases)


@gather("CASES")
@oracle.each_dtype
def test_matches_torch(case, dtype, rng, torch):
    oracle.check_torch(case, rng, torch, dtype)


@gather("CASES")
def test_second_order_matches_torch(case, rng, torch):
    if not case.torch_twice:
        pytest.skip("torch cannot differentiate this twice; the differences tell")
    oracle.check_torch_second_order(case, rng, torch)


@gather("SMALL_CASES")
def test_gradient_matches_differences(case, rng):
    oracle.check_gradient(case, rng)


@gather("SMALL_CASES")
def test_second_order_matches_differences(case, rng):
    oracle.check_second_order(case, rng)


@gather("CASES")
@oracle.each_layout
@oracle.each_dtype
def test_memory_layout_does_not_matter(case, layout, dtype, rng):
    oracle.check_layout(case, rng, layout, dtype)


@gather("LINEAR")
@oracle.each_dtype
def test_is_adjoint_to_its_gradient(case, dtype, rng):
    oracle.check_adjoint(case, rng, dtype)
