"""Filters with fewer products: exact in float64, whatever their sizes, and as few products as they say."""

import numpy as np
import pytest

from minipose.kernels.cpu.minimal import plain, spaced, strided


def filtered(method, x, w):
    return method.A.T @ ((method.G @ w) * (method.B @ x))


@pytest.mark.parametrize(("side", "taps"), [(4, 3), (2, 3), (4, 2), (3, 2), (2, 5), (4, 1), (1, 4)])
def test_plain(side, taps, rng):
    method = plain(side, taps)
    x, w = rng.standard_normal(method.reach), rng.standard_normal(taps)
    expected = [x[i : i + taps] @ w for i in range(side)]
    np.testing.assert_allclose(filtered(method, x, w), expected, atol=1e-13)
    assert (method.points, method.reach, method.side, method.step) == (side + taps - 1,) * 2 + (side,) * 2


@pytest.mark.parametrize(("side", "taps", "points"), [(4, 3, 9), (4, 4, 10), (3, 5, 9), (4, 2, 8)])
def test_strided(side, taps, points, rng):
    method = strided(side, taps)
    x, w = rng.standard_normal(method.reach), rng.standard_normal(taps)
    expected = [x[2 * i : 2 * i + taps] @ w for i in range(side)]
    np.testing.assert_allclose(filtered(method, x, w), expected, atol=1e-13)
    assert (method.points, method.step) == (points, 2 * side)


@pytest.mark.parametrize("padding", range(5))
@pytest.mark.parametrize(("half", "taps", "points"), [(4, 3, 9), (4, 4, 10), (3, 5, 9), (2, 4, 6)])
def test_spaced(half, taps, points, padding, rng):
    method = spaced(half, taps, padding)
    numbers, w = rng.standard_normal(20), rng.standard_normal(taps)
    z = np.zeros(40)
    z[::2] = numbers
    first = 8  # of the numbers; the tile begins at z[2 * first]
    x = numbers[first + method.start :][: method.reach]
    expected = [z[2 * first + h - padding :][:taps] @ w for h in range(2 * half)]
    np.testing.assert_allclose(filtered(method, x, w), expected, atol=1e-13)
    assert (method.points, method.side, method.step) == (points, 2 * half, half)


def test_filters_of_one_name_have_the_same_matrices():
    for padding in range(3):
        one, other = spaced(4, 3, padding), spaced(4, 3, padding + 2)
        assert one.name == other.name and one.start == other.start + 1
        for matrix in "ABG":
            np.testing.assert_array_equal(getattr(one, matrix), getattr(other, matrix))
