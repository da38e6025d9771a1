"""The exponential function in arithmetic that the compiler does on whole vectors, as it cannot with a library's.

exp(x) = 2^n exp(r), where n is the integer nearest to x / ln 2, and r, within half of ln 2, is what remains.
"""

from __future__ import annotations

import numba
import numpy as np

_PER_OCTAVE = np.float32(1 / np.log(2))
_HIGH = np.float32(0.693359375)  # ln 2 in two parts: n times the first, of few bits, is exact
_LOW = np.float32(np.log(2) - 0.693359375)
_LEAST = np.float32(-87.3)  # the exponential of less than that is not a normal number, and counts as 0
_ROUND = np.float32(1.5 * 2**23)  # added to a number it leaves no bits after the point: the number, rounded, is below
_BITS, _BIAS, _SHIFT = np.int32(_ROUND.view(np.int32)), np.int32(127), np.int32(23)  # of a float32
_1, _2, _3, _4, _5, _6, _7 = (np.float32(1 / np.prod(np.arange(1.0, k + 1))) for k in range(1, 8))  # Taylor's, 1 / k!
_ZERO = np.float32(0)


@numba.njit(error_model="numpy", fastmath={"contract"})  # a product and the sum after it are one instruction
def exp_of_negative(x):
    """Return exp(x) for x up to 0, to two units in the last place; a NaN stays NaN."""
    bounded = _LEAST if x < _LEAST else x
    shifted = bounded * _PER_OCTAVE + _ROUND
    n = shifted - _ROUND
    r = bounded - n * _HIGH - n * _LOW
    series = _1 + r * (_1 + r * (_2 + r * (_3 + r * (_4 + r * (_5 + r * (_6 + r * _7))))))
    power = np.int32(np.int32(np.int32(np.float32(shifted).view(np.int32) - _BITS) + _BIAS) << _SHIFT).view(np.float32)
    return _ZERO if x < _LEAST else series * power


@numba.njit(error_model="numpy")
def sigmoid_of(x):
    """Return 1 / (1 + exp(-x)), by an exponential that cannot overflow."""
    e = exp_of_negative(-abs(x))
    return (_1 if x >= _ZERO else e) / (_1 + e)
