"""The checks of tests/oracle.py are checked: each must notice every bug planted here, all taken from real engines."""

import numpy as np
import pytest

import minipose
from minipose import Function, Tensor
from tests import oracle
from tests.oracle import Case


class Planted(Function):
    """x * w summed over columns: y[i] = sum_j x[i, j] * w[j]; subclasses get its gradient wrong."""

    def forward(self, x, w):
        self.save_inputs(0, 1)
        return (x * w).sum(1)

    def backward(self, grad, wanted):
        x, w = self.saved_inputs
        column = grad.reshape(-1, 1)
        return column * w, (column * x).sum(0)


class ZeroGradient(Planted):
    def backward(self, grad, wanted):
        return tuple(g * 0 for g in super().backward(grad, wanted))


class MissingMinus(Planted):
    def backward(self, grad, wanted):
        x, w = super().backward(grad, wanted)
        return x, -w


class MeanForSum(Planted):
    def backward(self, grad, wanted):
        x, w = super().backward(grad, wanted)
        return x, w / 7


class IgnoresUpstream(Planted):
    """Right for an upstream gradient of ones, which a lazy checker uses."""

    def backward(self, grad, wanted):
        return super().backward(Tensor(np.ones_like(grad.data)), wanted)


class CutsTheGraph(Planted):
    """Right to first order, and a constant to second."""

    def backward(self, grad, wanted):
        return tuple(g.detach() for g in super().backward(grad, wanted))


def case(function):
    return Case(function.__name__, lambda F, x, w: function.apply(x, w), [(7, 5), (5,)])


def test_the_right_function_passes(rng):
    right = case(Planted)
    oracle.check_gradient(right, rng)
    oracle.check_second_order(right, rng)
    oracle.check_adjoint(right, rng, "float64")
    oracle.check_layout(right, rng, "stepped", "float32")


@pytest.mark.parametrize("function", [ZeroGradient, MissingMinus, MeanForSum, IgnoresUpstream])
def test_differences_notice(function, rng):
    with pytest.raises(minipose.GradcheckError):
        oracle.check_gradient(case(function), rng)


@pytest.mark.parametrize("function", [ZeroGradient, IgnoresUpstream])
def test_the_adjoint_notices(function, rng):
    with pytest.raises(minipose.GradcheckError):
        oracle.check_adjoint(case(function), rng, "float64")


def test_second_order_notices(rng):
    with pytest.raises(minipose.GradcheckError):
        oracle.check_second_order(case(CutsTheGraph), rng)


def test_a_check_of_zeros_is_no_check(rng):
    nothing = Case("nothing", lambda F, x: x * 0, [(3, 5)])
    with pytest.raises(minipose.GradcheckError, match="proves nothing"):
        oracle.check_gradient(nothing, rng)


def test_a_function_that_writes_into_its_input_is_noticed(rng):
    class Writes(Function):
        def forward(self, x):
            x *= 2
            return x.copy()

        def backward(self, grad, wanted):
            return (grad * 2,)

    with pytest.raises(AssertionError, match="modified"):
        oracle.check_layout(Case("writes", lambda F, x: Writes.apply(x), [(3, 5)]), rng, "stepped", "float64")
