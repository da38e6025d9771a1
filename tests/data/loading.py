"""Data sets and transforms that worker processes import; pytest's own modules would take them longer."""

from __future__ import annotations

import os
import time

import numpy as np

from minipose.data import Dataset, Sample
from minipose.kernels.threads import get_num_threads


class Noise(Dataset):
    """Images of noise, in which nothing can be mistaken for another sample's."""

    def __init__(self, count=23, size=9, fails_at=(), sleeps_at=None):
        self.count, self.size, self.fails_at, self.sleeps_at = count, size, fails_at, sleeps_at
        self.loaded = []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.fails_at:
            raise FileNotFoundError(2, "no such picture", f"{index}.png")
        if index == self.sleeps_at:
            time.sleep(60)
        self.loaded.append(index)
        generator = np.random.default_rng(index)
        image = generator.integers(0, 256, (self.size, self.size, 3), dtype=np.uint8)
        points = generator.random((index % 3 + 1, 4, 2), np.float32)  # of one to three people
        visible = np.full(points.shape[:2], 2, np.uint8)
        return Sample(image, points[0], visible[0], "noise", index, f"{index}.png", points, visible)


class Process(Dataset):
    """Its samples tell which process loaded them, and how many threads that has."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        points = np.array([[os.getpid(), get_num_threads()]], np.float32)
        return Sample(np.zeros((2, 2, 3), np.uint8), points, np.ones(1, np.uint8), "s", index)


class Odd(Exception):
    """An exception that can be pickled, but not made again."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def jitter(sample, generator):
    image = sample.image + generator.integers(0, 9, sample.image.shape, dtype=np.uint8)
    return Sample(image, sample.points, sample.visible, sample.set, sample.index, sample.name)


def odd(sample, generator):
    if sample.index == 5:
        raise Odd(1, 2)
    return sample


def growing(samples):
    """Return arrays of more and more bytes."""
    return [np.full(s.index**3, s.index, np.int32) for s in samples]


def same(first, second):
    """Assert that two batches are equal in everything."""
    for name in ("images", "points", "visible", "indices", "matrices"):
        a, b = getattr(first, name), getattr(second, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert first.names == second.names and first.sets == second.sets
    for a, b in zip(first.people + first.people_visible, second.people + second.people_visible, strict=True):
        np.testing.assert_array_equal(a, b)
