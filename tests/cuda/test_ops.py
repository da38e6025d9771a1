"""Every operation on the device, to the second derivative: the CPU's results, and never over the host."""

import pytest

import minipose
from tests.ops.families import FAMILIES
from tests.oracle import Minipose, assert_close

ON_THE_HOST = ("running", "evaluation", "evaluation_plain")  # these cases make running statistics there
CASES = [case for family in FAMILIES for case in family.CASES if case.name not in ON_THE_HOST]


def derivatives(case, arrays, upstream, directions, device):
    """Return the value, the gradients with and without a graph of their own, and the second derivatives."""
    inputs = [minipose.tensor(a, device=device, requires_grad=True) for a in [*arrays, upstream]]
    directions = [minipose.tensor(d, device=device) for d in directions]
    value = case.run(Minipose, *inputs[:-1])
    plain = minipose.grad(value, inputs[:-1], inputs[-1].detach(), retain_graph=True)
    first = minipose.grad(value, inputs[:-1], inputs[-1], create_graph=True)
    total = sum((g * d).sum() for g, d in zip(first, directions, strict=True))
    return [value, *plain, *first, *minipose.grad(total, inputs, allow_unused=True)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_and_its_derivatives(case, device_module, no_waiting, rng):
    arrays, upstream = case.arrays(rng), case.upstream(rng)
    directions = [rng.standard_normal(a.shape) for a in arrays]
    expected = derivatives(case, arrays, upstream, directions, "cpu")
    with no_waiting():
        actual = derivatives(case, arrays, upstream, directions, "cuda")
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        assert (a is None) == (e is None)
        if e is not None:
            assert isinstance(a.data, device_module.ndarray), f"result {i} left the device"
            assert_close(a.data.get(), e.data, 1e-10, f"result {i}")
