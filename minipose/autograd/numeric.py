"""Derivatives without backward: by differences, by a complex step, and whether there is one at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

Evaluate = Callable[[np.ndarray], list[np.ndarray]]  # one input's array to the arrays of all outputs


def _moved(evaluate: Evaluate, array: np.ndarray, direction: np.ndarray, step: float) -> list[np.ndarray]:
    return evaluate(np.asarray(array + step * direction))


def _dot(results: list[np.ndarray], others: list[np.ndarray], upstream: list[np.ndarray]) -> float:
    # The difference first: what the step does not touch cancels exactly, and leaves no rounding error.
    return float(sum(((a - b) * u).sum() for a, b, u in zip(results, others, upstream, strict=True)))


def central_difference(
    evaluate: Evaluate, array: np.ndarray, direction: np.ndarray, upstream: list[np.ndarray], step: float
) -> float:
    """Return (f(x + h d) - f(x - h d)) / 2h, times the upstream gradient."""
    above, below = (_moved(evaluate, array, direction, s * step) for s in (1, -1))
    return _dot(above, below, upstream) / (2 * step)


def has_kink(
    evaluate: Evaluate, array: np.ndarray, direction: np.ndarray, upstream: list[np.ndarray], step: float
) -> bool:
    """Return whether slopes to the left and to the right stay apart as the step shrinks.

    Where f is smooth, they differ by h f'', so a tenth of the step is a tenth of the gap. At a kink, or a jump, within
    reach of the step the gap does not shrink so.
    """
    here = evaluate(array)

    def gap(step: float) -> float:
        above, below = (_moved(evaluate, array, direction, s * step) for s in (1, -1))
        return abs(_dot(above, here, upstream) - _dot(here, below, upstream)) / step

    wide = 10 * step
    rounding = 1e-13 * sum(np.abs(a * u).sum() for a, u in zip(here, upstream, strict=True)) / step
    gaps = gap(wide), gap(step)
    return max(gaps) > 1e3 * rounding and not gaps[1] < 0.5 * gaps[0] or gaps[0] > 1e6 * max(rounding, step)


class _Complex(np.ndarray):
    """An array of complex numbers that says it holds float64, so that operations take it for the real thing."""

    dtype = property(lambda self: np.dtype("float64"))


def complex_step(
    evaluate: Evaluate, array: np.ndarray, direction: np.ndarray, upstream: list[np.ndarray]
) -> float | None:
    """Return Im f(x + i h d) / h, exact to rounding for an analytic f (Squire & Trapp 1998), or None if f cannot.

    No two nearby numbers are subtracted, so h may be tiny. An operation that is not analytic gives a wrong number
    here: compare with the difference before believing it.
    """
    step = 1e-30
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a cast that drops the imaginary part warns
            results = evaluate(np.asarray(array + 1j * step * direction).view(_Complex))
        return float(sum((np.imag(np.asarray(r)) * u).sum() for r, u in zip(results, upstream, strict=True))) / step
    except Exception:  # whatever an operation says about complex numbers, it means no
        return None
