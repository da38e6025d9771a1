"""Softmax, its logarithm and their gradients against the reference, along every axis and in every memory layout."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from minipose.kernels.cpu.softmax import LONG, RUN, SMALL, STRETCH
from tests.kernels.test_cpu import compare, each_layout, lay, random

SHAPES = [
    (7, 5), (1, 1), (SMALL + 3, 1), (SMALL + 3,), (1, SMALL + 3), (211, LONG - 1), (211, LONG), (97, LONG + 3),
    (7, STRETCH + 67), (401, 3, 11), (11, 13, 17, 23), (3, 2, RUN + 29, 7), (2, 5, 1, RUN), (67, 1, 61, 5),
]  # fmt: skip
BOTH = pytest.mark.parametrize("name", ["softmax", "log_softmax"])


def compare_both_ways(name, x, grad, axis):
    y = compare(name, x, axis)
    compare(f"{name}_grad", grad, y, axis)
    return y


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@BOTH
@each_layout
def test_every_axis(name, shape, layout, rng):
    x, grad = (lay(layout, random(rng, *shape)) for _ in range(2))
    for axis in range(-1, len(shape) - 1):
        compare_both_ways(name, x, grad, axis)
        compare_both_ways(name, x, random(rng, *shape), axis)  # the two may be laid out in different ways


@BOTH
@pytest.mark.parametrize("scale", [0.01, 30, 1000])
def test_numbers_of_every_size(name, scale, rng):
    x = random(rng, 131, 97) * np.float32(scale)
    compare(name, x, 1)
    compare(name, x, 0)


@BOTH
def test_the_largest_of_negative_numbers(name, rng):
    x = -1 - 1000 * rng.random((89, 2 * LONG + 1), np.float32)
    for axis in (0, 1):
        compare(name, x, axis)


@BOTH
def test_results_keep_the_order_of_memory(name, rng):
    x = random(rng, 3, 31, 37, 17).transpose(0, 3, 1, 2)
    y = getattr(cpu, name)(x, 1)
    assert y.strides == x.strides
    assert getattr(cpu, f"{name}_grad")(random(rng, *x.shape), y, 1).strides == x.strides


@BOTH
def test_a_broadcast_gradient(name, rng):
    y = getattr(cpu, name)(random(rng, 211, 61), 1)
    compare(f"{name}_grad", np.broadcast_to(random(rng, 1, 61), y.shape), y, 1)
    compare(f"{name}_grad", np.broadcast_to(random(rng, 211, 1), y.shape), y, 0)


@BOTH
@pytest.mark.parametrize("length", [5, LONG + 5])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_bad_number_reaches_its_line_and_nothing_else(name, length, axis, bad, rng):
    x = random(rng, 2 * SMALL // length, length)
    x[3, 4], x[7] = bad, -np.inf
    x, axis = (x, 1) if axis else (x.T.copy(), 0)
    grad = random(rng, *x.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        y, expected = (getattr(kernels, name)(x, axis) for kernels in (cpu, reference))
        slopes = [getattr(kernels, f"{name}_grad")(grad, expected, axis) for kernels in (cpu, reference)]
    np.testing.assert_allclose(y, expected, 1e-5, 1e-6)
    np.testing.assert_allclose(*slopes, 1e-4, 1e-5)
