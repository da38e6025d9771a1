"""Write the table of what the codecs lose: python -m tests.codecs > docs/reference/codecs.md"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minipose.pose import (
    IntegralCodec,
    RegressionCodec,
    SimCCCodec,
    decode_argmax,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    encode_heatmaps,
    map_to_image,
)

HEAD = """# Codecs

What a keypoint loses when it is encoded and decoded again, with no network in between: the error that no training can
get below. This page is written by

    python -m tests.codecs > docs/reference/codecs.md

and the tests hold that it is still true. Each number is the mean distance of {count} keypoints at random places, in
cells of a map of {cells} x {cells}; multiply by the stride to get image pixels. The keypoints lie at least {margin}
cells from the edge of the map, but for the column *border*, where all lie within {ring} cells of it, down to the very
edge, and sigma is 1.5. The noise is normal, of standard deviation {noise}, on Gaussians of height 1.

"""
BETWEEN = """
A centre that is rounded to a cell is off by {rounded:.2f} cells on average, and then no decoder helps: the neighbours
of the peak are equal, so the quarter offset follows the noise. On a real-valued centre it halves the error of argmax,
and DARK removes it. At the border, where the map cuts the Gaussian off, DARK still does; the quarter offset has no
second neighbour to look at there, and a mean over all cells is pulled inwards. Soft-argmax is not made for Gaussians of
height 1: the background counts too, and less so the larger beta is. The maps that it is trained to give are logarithms
of Gaussians, and of these it loses at most {integral:.3f} cells away from the border.

The other codecs have no map. For images of {image} x {image} pixels, in the same unit, cells of a map of stride
{stride}:

"""
CELLS, STRIDE, MARGIN, RING = 32, 4, 6.0, 2.0
SHAPE, NOISE = (200, 16), 0.03
COLUMNS = {"sigma 1": 1.0, "sigma 1.5": 1.5, "sigma 2": 2.0, "sigma 1.5 and noise": 1.5, "border": 1.5}
Decode = Callable[[np.ndarray, float], np.ndarray]
HEATMAPS: dict[str, tuple[bool, Decode]] = {  # whether the centre is rounded, and what gives cells from maps and sigma
    "rounded, argmax": (True, lambda maps, sigma: decode_argmax(maps, 1)[0]),
    "rounded, quarter offset": (True, lambda maps, sigma: decode_quarter(maps, 1)[0]),
    "real-valued, argmax": (False, lambda maps, sigma: decode_argmax(maps, 1)[0]),
    "real-valued, quarter offset": (False, lambda maps, sigma: decode_quarter(maps, 1)[0]),
    "real-valued, DARK": (False, lambda maps, sigma: decode_dark(maps, 1, sigma)[0]),
    "real-valued, DARK without blur": (False, lambda maps, sigma: decode_dark(maps, 1, sigma, blur=False)[0]),
    "real-valued, soft-argmax, beta 10": (False, lambda maps, sigma: decode_soft_argmax(maps, 1, 10)[0]),
    "real-valued, soft-argmax, beta 25": (False, lambda maps, sigma: decode_soft_argmax(maps, 1, 25)[0]),
}
INTEGRAL = "logarithm of the Gaussian, soft-argmax"
SIZE = (CELLS * STRIDE, CELLS * STRIDE)
WITHOUT_MAP = {
    "SimCC, split 2, argmax": SimCCCodec(SIZE, decoder="argmax"),
    "SimCC, split 2, expectation": SimCCCodec(SIZE),
    "regression": RegressionCodec(SIZE),
}


def inner_points() -> np.ndarray:
    """Return keypoints away from the edge of the map, in cells."""
    return np.random.default_rng(0).uniform(MARGIN - 0.5, CELLS - 0.5 - MARGIN, (*SHAPE, 2))


def border_points() -> np.ndarray:
    """Return keypoints of which one coordinate, x or y, is within RING cells of one of the two edges."""
    generator = np.random.default_rng(1)
    points = generator.uniform(-0.5, CELLS - 0.5, (*SHAPE, 2))
    depth = generator.uniform(0, RING, SHAPE) - 0.5
    near = np.where(generator.random(SHAPE) < 0.5, depth, CELLS - 1 - depth)
    is_x = generator.random(SHAPE) < 0.5
    return np.stack([np.where(is_x, near, points[..., 0]), np.where(is_x, points[..., 1], near)], axis=-1)


def mean_error(decoded: np.ndarray, points: np.ndarray) -> float:
    return float(np.linalg.norm(decoded - points, axis=-1).mean())


def heatmap_errors(rounded: bool, decode: Decode) -> dict[str, float]:
    """Return the error in each column of the first table."""
    errors = {}
    for column, sigma in COLUMNS.items():
        points = border_points() if column == "border" else inner_points()
        maps = encode_heatmaps(points, (CELLS, CELLS), 1, sigma, rounded)
        if "noise" in column:
            maps = maps + NOISE * np.random.default_rng(2).standard_normal(maps.shape, np.float32)
        errors[column] = mean_error(decode(maps, sigma), points)
    return errors


def integral_errors() -> dict[str, float]:
    """Return the errors of the integral codec; noise on a logarithm would be another noise."""
    codecs = {column: IntegralCodec((CELLS, CELLS), 1, sigma) for column, sigma in COLUMNS.items()}
    points = {column: border_points() if column == "border" else inner_points() for column in COLUMNS}
    return {c: round_trip(codec, points[c]) for c, codec in codecs.items() if "noise" not in c}


def round_trip(codec: IntegralCodec | SimCCCodec | RegressionCodec, points: np.ndarray) -> float:
    """Return the error in image pixels of keypoints that went through a codec, after a network without fault."""
    return mean_error(codec.decode(codec.ideal_outputs(points))[0], points)


def tables() -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return the errors row by row and column by column: of the codecs with maps, and of those without."""
    maps = {row: heatmap_errors(*row_of) for row, row_of in HEATMAPS.items()}
    maps[INTEGRAL] = integral_errors()
    places = {"inside": inner_points(), "border": border_points()}
    others = {
        row: {place: round_trip(codec, map_to_image(p, STRIDE)) / STRIDE for place, p in places.items()}
        for row, codec in WITHOUT_MAP.items()
    }
    return maps, others


def as_text(table: dict[str, dict[str, float]], head: str) -> str:
    """Return a table in Markdown."""
    columns = list(next(iter(table.values())))
    lines = [f"| {head} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for row, errors in table.items():
        lines.append(f"| {row} | {' | '.join(f'{errors[c]:.3f}' if c in errors else '-' for c in columns)} |")
    return "\n".join(lines) + "\n"


def page(maps: dict[str, dict[str, float]], others: dict[str, dict[str, float]]) -> str:
    """Return the page that holds the two tables."""
    head = HEAD.format(count=SHAPE[0] * SHAPE[1], cells=CELLS, margin=int(MARGIN), ring=int(RING), noise=NOISE)
    between = BETWEEN.format(
        rounded=maps["rounded, argmax"]["sigma 1.5"],
        integral=max(error for column, error in maps[INTEGRAL].items() if column != "border"),
        image=SIZE[0],
        stride=STRIDE,
    )
    return head + as_text(maps, "centre, decoder") + between + as_text(others, "codec")


if __name__ == "__main__":
    print(page(*tables()), end="")
