"""What a wrong gradient looks like, and what it usually means."""

from __future__ import annotations

import itertools
import math

import numpy as np


def _close(a: np.ndarray, b: np.ndarray, scale: float) -> bool:
    return bool(np.abs(a - b).max() <= 1e-5 * scale)


def diagnose(given: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> str:
    """Say in a sentence how the gradient `given` differs from the `right` one; "" where no pattern is known.

    Parameters
    ----------
    given, right : arrays of one shape
    wrong : bool array, where they differ
    """
    scale = float(np.abs(right).max())
    if not np.isfinite(given).all():
        return "it is not finite: look for a division by zero or a logarithm; minipose.detect_anomaly() names the line"
    if not given.any():
        return "it is zero everywhere: backward lets nothing through"
    return (
        _ratio(given, right, scale) or _rearranged(given, right, scale) or _offset(given, right) or _place(wrong)
    )


def _ratio(given: np.ndarray, right: np.ndarray, scale: float) -> str:
    """A constant factor, and where such a factor may come from."""
    size = float((right * right).sum())
    ratio = float((given * right).sum()) / size if size else 0.0
    if abs(ratio) < 1e-6 or not _close(given, ratio * right, abs(ratio) * scale):
        return ""
    if math.isclose(ratio, -1, rel_tol=1e-5):
        return "every entry has the wrong sign"
    text = f"every entry is {ratio:.6g} times what it should be"
    for axes in range(1, given.ndim + 1):
        for some in itertools.combinations(range(given.ndim), axes):
            count = math.prod(given.shape[a] for a in some)
            if count > 2 and any(math.isclose(ratio, r, rel_tol=1e-5) for r in (count, 1 / count)):
                return f"{text}, the length of axis {', '.join(map(str, some))}: a sum for a mean, or a mean for a sum?"
    if math.isclose(ratio, 2, rel_tol=1e-5) or math.isclose(ratio, 0.5, rel_tol=1e-5):
        return f"{text}: counted twice, or the 2 of a square forgotten?"
    return text


def _rearranged(given: np.ndarray, right: np.ndarray, scale: float) -> str:
    """The right numbers in the wrong places."""
    for a, b in itertools.combinations(range(given.ndim), 2):
        if given.shape[a] == given.shape[b] and _close(given, right.swapaxes(a, b), scale):
            return f"it is transposed: axes {a} and {b} are exchanged"
    for count in range(1, given.ndim + 1):
        for axes in itertools.combinations(range(given.ndim), count):
            if _close(given, np.flip(right, axes), scale):
                kernel = ": a kernel flipped for its correlation?" if axes == (given.ndim - 2, given.ndim - 1) else ""
                return f"it is flipped along axis {', '.join(map(str, axes))}{kernel}"
    if _close(np.sort(given, None), np.sort(right, None), scale):
        return "the right numbers are in the wrong places: a reshape where a transpose was meant?"
    return ""


def _offset(given: np.ndarray, right: np.ndarray) -> str:
    """The same number missing everywhere: a mean that moves with the input and was taken for a constant."""
    difference = given - right
    if given.size > 2 and np.ptp(difference) <= 1e-5 * np.abs(difference).max():
        return f"every entry is off by the same {difference.flat[0]:.6g}: is a mean taken for a constant?"
    return ""


def _place(wrong: np.ndarray) -> str:
    """Where the wrong entries lie, for images (the last two axes)."""
    if wrong.all() or not wrong.any():
        return ""
    if wrong.ndim >= 2:
        image = wrong.any(tuple(range(wrong.ndim - 2)))
        border = np.ones_like(image)
        border[1:-1, 1:-1] = False
        if not (image & ~border).any() and (~image).any():
            return "only entries at the border are wrong: look at the padding"
        rows, columns = image.all(1), image.all(0)
        if (rows.any() or columns.any()) and (image == (rows[:, None] | columns)).all() and not image.all():
            return "only entries in whole rows and columns are wrong, as where windows overlap: a = where += was meant?"
    for axis in range(wrong.ndim):
        rest = tuple(i for i in range(wrong.ndim) if i != axis)
        places = np.flatnonzero(wrong.any(rest))
        if len(places) == 1 and wrong.shape[axis] > 2:
            return f"only entries with index {places[0]} on axis {axis} are wrong"
    return ""
