"""What every data set gives: images with their keypoints, one at a time or as a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minipose.pose import affine


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and its keypoints.

    Attributes
    ----------
    image : uint8 array (H, W, 3)
        Red, green, blue.
    points : float32 array (J, 2)
        Joints (x, y) in pixels, the centre of the first pixel being (0, 0), in the order of the data set's skeleton.
    visible : uint8 array (J,)
        0 outside the image or unlabelled, 1 hidden, 2 visible.
    set : str
        The name of the set that it belongs to, as scores are reported set by set.
    index : int
        Its place in the data set.
    name : str
        What it is called where it comes from: a file's name, or "" for an image that was drawn.
    people : float32 array (P, J, 2), optional
        All labelled people in the image, the first of them at `points`. Default: that one alone.
    people_visible : uint8 array (P, J), optional
        Their flags.
    matrix : float64 array (2, 3), optional
        The way from the pixels of the image that this one was cut from to its own. Default: they are the same.
    facing : {"front", "back", ""}
        Whether the person at `points` faces the viewer or away; "" where that is not known.
    """

    image: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    set: str
    index: int
    name: str = ""
    people: np.ndarray | None = None
    people_visible: np.ndarray | None = None
    matrix: np.ndarray | None = None
    facing: str = ""

    def __post_init__(self) -> None:
        defaults = {
            "people": self.points[None],
            "people_visible": self.visible[None],
            "matrix": affine.identity(),
        }
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples.

    Attributes
    ----------
    images : uint8 array (N, H, W, 3)
    points : float32 array (N, J, 2)
    visible : uint8 array (N, J)
    sets, names : tuples of N strings
    indices : int64 array (N,)
    people, people_visible : tuples of N arrays (P, J, 2) and (P, J)
    matrices : float64 array (N, 2, 3)
    facings : tuple of N strings
        Default: none is known.
    """

    images: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    sets: tuple[str, ...]
    indices: np.ndarray
    names: tuple[str, ...]
    people: tuple[np.ndarray, ...]
    people_visible: tuple[np.ndarray, ...]
    matrices: np.ndarray
    facings: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.facings is None:
            object.__setattr__(self, "facings", ("",) * len(self))

    def __len__(self) -> int:
        return len(self.images)

    def sample(self, place: int) -> Sample:
        """Return one of the samples, by its place in the batch."""
        return Sample(
            self.images[place], self.points[place], self.visible[place], self.sets[place], int(self.indices[place]),
            self.names[place], self.people[place], self.people_visible[place], self.matrices[place],
            self.facings[place],
        )  # fmt: skip


def collate(samples: Sequence[Sample]) -> Batch:
    """Put samples together.

    Parameters
    ----------
    samples : sequence of Sample
        N of them, all of one image size and one number of joints.

    Returns
    -------
    Batch

    Raises
    ------
    ValueError
        If there is none, or their shapes differ.
    """
    if not samples:
        raise ValueError("collate: there is no sample to put together")
    first = samples[0]
    for sample in samples:
        if sample.image.shape != first.image.shape or sample.points.shape != first.points.shape:
            raise ValueError(
                f"collate: sample {sample.index} has an image of shape {sample.image.shape} and points of shape "
                f"{sample.points.shape}, but sample {first.index} has {first.image.shape} and {first.points.shape}"
            )
    return Batch(
        np.stack([s.image for s in samples]),
        np.stack([s.points for s in samples]),
        np.stack([s.visible for s in samples]),
        tuple(s.set for s in samples),
        np.array([s.index for s in samples], dtype=np.int64),
        tuple(s.name for s in samples),
        tuple(s.people for s in samples),
        tuple(s.people_visible for s in samples),
        np.stack([s.matrix for s in samples]),
        tuple(s.facing for s in samples),
    )


class Dataset:
    """Samples by index. A subclass has `__len__` and `__getitem__`, and may have a faster `batch`."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Return the samples at `indices`, in their order, as one `Batch`."""
        return collate([self[int(index)] for index in indices])
