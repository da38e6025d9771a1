"""Random numbers inside compiled code.

A stream is a pair: a row of numbers from 0 to 1 that NumPy's generator filled, and how many of them were taken.
Whoever draws from it takes the next ones.
"""

from __future__ import annotations

import math

import numba

# For functions that only compiled code calls: without the way in from Python they are compiled faster. Division by
# zero gives infinity, as NumPy's.
inner = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")


@inner
def uniform(stream, low, high):
    """Return a number from `low` to `high`."""
    numbers, taken = stream
    # No picture needs as many as there are; were it otherwise, the first would serve again.
    value = numbers[taken[0] % numbers.size]
    taken[0] += 1
    return low + (high - low) * value


@inner
def integer(stream, low, end):
    """Return an integer from `low` to `end - 1`."""
    return int(uniform(stream, low, end))


@inner
def geometric(stream, more, most):
    """Return how often in a row there is one more, with probability `more` each time: `most` times at most."""
    count = 0
    while count < most and uniform(stream, 0.0, 1.0) < more:
        count += 1
    return count


@inner
def triangular(stream, low, mode, high):
    """Return a number from `low` to `high` whose density is a triangle with its top at `mode`."""
    share, top = uniform(stream, 0.0, 1.0), (mode - low) / (high - low)
    if share < top:
        return low + math.sqrt(share * (high - low) * (mode - low))
    return high - math.sqrt((1.0 - share) * (high - low) * (high - mode))
