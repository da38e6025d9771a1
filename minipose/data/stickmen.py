"""Data sets of stick figures, drawn on demand from a seed."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from minipose.checks import check_choice
from minipose.data import backgrounds, render
from minipose.data.figure import random_figure
from minipose.data.samples import Batch, Dataset, Sample

# The chance of one more disc and of one more rectangle behind the figure.
CLUTTER = {"plain": (0.0, 0.0), "circles": (0.5, 0.0), "shapes": (0.75, 0.5), "platform": (0.25, 0.25)}
SETS = (*CLUTTER, "mixed")
DEFAULT_COUNTS = {"train": 8000, "val": 1000, "test": 500}
SMALLEST_SIZE = 32


class StickFigures(Dataset):
    """Images of one stick figure each, with 16 keypoints.

    A sample depends on the seed, the split, the set and its index, and on nothing else: not on the order in
    which samples are asked for, nor on the batch or the thread. No two splits share a sample or a backdrop.

    Parameters
    ----------
    set : {"plain", "circles", "shapes", "platform", "mixed"}
        What is behind the figure: black; discs as big as heads; more discs, and rectangles; the scenery of a
        platform game and a few of both; or, for each sample at random, one of the four.
    split : {"train", "val", "test"}
        Which of three independent streams of samples.
    size : int
        Side of the square image in pixels, at least 32.
    count : int, optional
        Number of samples. Default: 8000 for "train", 1000 for "val", 500 for "test".
    seed : int
        0 to 2**32 - 1.

    Raises
    ------
    ValueError
        If an argument is none of the above.

    Examples
    --------
    >>> figures = StickFigures("circles", split="val", count=10)
    >>> figures[3].points.shape
    (16, 2)
    >>> figures.batch([3, 1]).images.shape
    (2, 64, 64, 3)
    """

    def __init__(
        self, set: str = "plain", split: str = "train", size: int = 64, count: int | None = None, seed: int = 0
    ) -> None:
        check_choice("StickFigures", "set", set, SETS)
        check_choice("StickFigures", "split", split, tuple(DEFAULT_COUNTS))
        self.set = set
        self.split = split
        self.size = _checked_integer("size", size, SMALLEST_SIZE, 4096)
        self.count = _checked_integer("count", DEFAULT_COUNTS[split] if count is None else count, 1, 2**32)
        self.seed = _checked_integer("seed", seed, 0, 2**32 - 1)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        batch = self.batch([operator.index(index)])
        return Sample(batch.images[0], batch.points[0], batch.visible[0], batch.sets[0], int(batch.indices[0]))

    def __repr__(self) -> str:
        return (
            f"StickFigures(set={self.set!r}, split={self.split!r}, size={self.size}, count={self.count}, "
            f"seed={self.seed})"
        )

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Draw the samples at `indices`, in their order.

        Parameters
        ----------
        indices : sequence of int
            N places in the data set, 0 to `len(self) - 1`.

        Returns
        -------
        Batch

        Raises
        ------
        ValueError
            If `indices` is empty or has more than one axis.
        TypeError
            If `indices` are not integers.
        IndexError
            If an index is negative or too large.
        """
        indices = np.asarray(indices)
        if indices.ndim != 1 or indices.size == 0:
            raise ValueError(f"StickFigures.batch: indices must be a sequence of integers, got shape {indices.shape}")
        if indices.dtype.kind not in "iu":
            raise TypeError(f"StickFigures.batch: indices must be integers, got dtype {indices.dtype}")
        if indices.min() < 0 or indices.max() >= self.count:
            wrong = indices[(indices < 0) | (indices >= self.count)][0]
            raise IndexError(f"StickFigures: index {wrong} is outside 0 to {self.count - 1}")
        images = np.zeros((len(indices), self.size, self.size, 3), dtype=np.uint8)
        points = np.empty((len(indices), 16, 2), dtype=np.float32)
        visible = np.empty((len(indices), 16), dtype=np.uint8)
        sets = [
            self._draw(int(index), images[place], points[place], visible[place]) for place, index in enumerate(indices)
        ]
        return Batch(
            images,
            points,
            visible,
            tuple(sets),
            indices.astype(np.int64),
            names=("",) * len(indices),
            people=tuple(points[:, None]),
            people_visible=tuple(visible[:, None]),
            matrices=np.tile(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), (len(indices), 1, 1)),
        )

    def _draw(self, index: int, image: np.ndarray, points: np.ndarray, visible: np.ndarray) -> str:
        """Draw one sample into the arrays given, and return the name of its set."""
        entropy = [self.seed, list(DEFAULT_COUNTS).index(self.split), SETS.index(self.set), index]
        generator = np.random.default_rng(np.random.SeedSequence(entropy))
        set_name = list(CLUTTER)[generator.integers(len(CLUTTER))] if self.set == "mixed" else self.set
        figure = random_figure(generator, self.size)
        shapes = []
        if set_name == "platform":
            shapes.append(backgrounds.platform(generator, self.size, figure.colour))
        if set_name != "plain":
            shapes.append(backgrounds.clutter(generator, self.size, *CLUTTER[set_name], figure.colour))
        render.draw(image, *shapes, figure.shapes)
        points[:] = figure.points
        visible[:] = figure.visible
        return set_name


def _checked_integer(name: str, value: int, smallest: int, largest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not smallest <= value <= largest:
        raise ValueError(f"StickFigures: {name} must be an integer from {smallest} to {largest}, got {value!r}")
    return int(value)
