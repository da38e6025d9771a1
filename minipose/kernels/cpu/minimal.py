"""Filters with fewer products (Winograd 1980; Lavin & Gray 2016, section 4): constant matrices, where they come from.

A filter of r taps gives m outputs of a row of pixels as

    y = A' [ (G w) * (B x) ]          (* entry by entry, ' the transpose)

with m + r - 1 products instead of m * r. The matrices follow from a product of polynomials. If g and w are the
coefficients of two of them, of m and r terms, their product is known when its values at m + r - 1 points are, infinity
being one, where it is the product of the leading coefficients. Its values are those of g times those of w; and the
polynomial comes back by Lagrange's formula. So rows of A and G evaluate, rows of B interpolate, and

    sum over i a of  g[i] * w[a] * x[i + a]  =  sum over points of  (A g) * (G w) * (B x)

which holds for every x, being linear in it. Derived by g it is the filter above; derived by w, the weight's gradient.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

POINTS = (0, 1, -1, 2, -2)  # small numbers, so that little is lost where they cancel


@dataclass(frozen=True, eq=False)
class Minimal:
    """y = A' [ (G w) * (B x) ] for `side` outputs y from `reach` inputs x; the next tile's inputs begin `step` further.

    Attributes
    ----------
    name : str
        No two have the same.
    A, B, G : (points, side), (points, reach) and (points, taps)
    step : int
    start : int
        Which input a tile begins with, where the first input meets the first tap: 0, or less.
    """

    name: str
    A: np.ndarray
    B: np.ndarray
    G: np.ndarray
    step: int
    start: int = 0

    @property
    def points(self) -> int:
        return len(self.A)

    @property
    def side(self) -> int:
        return self.A.shape[1]

    @property
    def reach(self) -> int:
        return self.B.shape[1]


@functools.cache
def plain(side: int, taps: int) -> Minimal:
    """Return the filter y[i] = sum over a of w[a] * x[i + a]."""
    name = f"{side}_of_{taps}"
    if taps == 1:
        return Minimal(name, np.eye(side), np.eye(side), np.ones((side, 1)), side)
    count = side + taps - 1
    finite = POINTS[: count - 1]
    A, B, G = np.zeros((count, side)), np.zeros((count, count)), np.zeros((count, taps))
    for k, point in enumerate(finite):
        others = [p for p in finite if p != point]
        A[k], G[k] = float(point) ** np.arange(side), float(point) ** np.arange(taps)
        G[k] /= np.prod(np.subtract(point, others, dtype=float))
        B[k, :-1] = np.poly(others)[::-1]
    A[-1, -1] = G[-1, -1] = 1
    B[-1] = np.poly(finite)[::-1]
    return Minimal(name, A, B, G, side)


def _joined(name: str, parts: list[tuple[Minimal, slice, slice, slice]], sizes: tuple[int, int, int], step: int,
            start: int = 0) -> Minimal:  # fmt: skip
    """Return the sum of filters that each see some of the outputs, inputs and taps."""
    count = sum(part.points for part, *_ in parts)
    A, B, G = (np.zeros((count, size)) for size in sizes)
    row = 0
    for part, outputs, inputs, taps in parts:
        rows = slice(row, row + part.points)
        A[rows, outputs], B[rows, inputs], G[rows, taps] = part.A, part.B, part.G
        row += part.points
    return Minimal(name, A, B, G, step, start)


@functools.cache
def strided(side: int, taps: int) -> Minimal:
    """Return the filter of stride 2, y[i] = sum over a of w[a] * x[2 i + a].

    It is the sum of two plain ones: of the even inputs with the even taps, and of the odd with the odd.
    """
    reach = 2 * (side - 1) + taps
    parts = [(plain(side, len(range(odd, taps, 2))), slice(None), slice(odd, reach, 2), slice(odd, taps, 2))
             for odd in (0, 1)]  # fmt: skip
    return _joined(f"{side}_of_{taps}_strided", parts, (side, reach, taps), 2 * side)


@functools.cache
def spaced(half: int, taps: int, padding: int) -> Minimal:
    """Return the filter of an input with a zero after each number, y[h] = sum over a of w[a] * z[h + a - padding].

    z[2 i] is x[i]. Even and odd outputs, `half` of each, are plain filters of x: each meets every second tap only.
    """
    places = []  # for even and odd outputs: the first of the taps that meet no zero, and the input that it meets
    for odd in (0, 1):
        tap = (padding + odd) % 2
        places.append((tap, (odd + tap - padding) // 2))
    start = min(place for _, place in places)
    parts = []
    for odd, (tap, place) in enumerate(places):
        part = plain(half, len(range(tap, taps, 2)))
        inputs = slice(place - start, place - start + part.reach)
        parts.append((part, slice(odd, None, 2), inputs, slice(tap, taps, 2)))
    reach = max(inputs.stop for _, _, inputs, _ in parts)
    return _joined(f"{half}_of_{taps}_spaced_{padding % 2}", parts, (2 * half, reach, taps), half, start)
