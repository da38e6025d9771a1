"""Random changes of a sample that leave it true: the image and its points go through one matrix."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from minipose.checks import check_number
from minipose.data.samples import Sample
from minipose.data.warp import check_image, warp_image
from minipose.pose import STICK_FIGURE, Skeleton, affine


@dataclass(frozen=True)
class Augment:
    """What changes a sample at random, called as `augment(sample, generator)`.

    The defaults for flip, rotation and scale are those of Xiao, Wu and Wei (2018, "Simple Baselines for Human Pose
    Estimation and Tracking"), that for colour is Newell, Yang and Deng's (2016, "Stacked Hourglass Networks"). Both
    train on crops around a person; here a figure may stand off the image's centre, which rotation and scale turn
    about, so that a few of its joints leave the image.

    Parameters
    ----------
    flip : float
        The chance of the mirror image, in which right and left joints change places. 0 to 1, default 0.5. It must be 0
        where colours tell right from left, as with the cues "shade" and "color": in the mirror image they tell lies.
    rotation : float
        Standard deviation of a normally distributed angle in degrees, cut at twice that. Default 30.
    rotation_chance : float
        The chance that the image is rotated at all. 0 to 1, default 0.6.
    scale : float
        The image is scaled by 1 + `scale` times a normally distributed number that is cut at -1 and 1. 0 up to 0.9,
        default 0.25.
    translation : float
        The image is moved by at most this fraction of its width, and of its height. 0 to 1, default 0.
    colour : float
        Red, green and blue are each multiplied by a factor from 1 - `colour` to 1 + `colour`. 0 to 1, default 0.4.
    noise : float
        Standard deviation, in grey levels of 255, of normally distributed noise on each pixel and channel. Default 0.
    cutout : float
        Side of a square of one random colour, in shorter sides of the image, whose centre is anywhere in the image
        (DeVries and Taylor 2017). A visible joint under it becomes a hidden one. 0 to 1, default 0.
    skeleton : Skeleton
        Which joints change places in the mirror image. Default: that of the stick figures.

    Raises
    ------
    TypeError, ValueError
        If a number is not one, or out of its range.

    Examples
    --------
    >>> augment = Augment(rotation=15, cutout=0.2)
    >>> sample = augment(sample, np.random.default_rng(0))  # doctest: +SKIP
    """

    flip: float = 0.5
    rotation: float = 30.0
    rotation_chance: float = 0.6
    scale: float = 0.25
    translation: float = 0.0
    colour: float = 0.4
    noise: float = 0.0
    cutout: float = 0.0
    skeleton: Skeleton = STICK_FIGURE

    def __post_init__(self) -> None:
        largest = {"rotation": 180.0, "scale": 0.9, "noise": 255.0}
        for field in dataclasses.fields(self):
            if field.name != "skeleton":
                check_number("Augment", field.name, getattr(self, field.name), 0.0, largest.get(field.name, 1.0))
        if not isinstance(self.skeleton, Skeleton):
            raise TypeError(f"Augment: skeleton must be a Skeleton, not {self.skeleton!r}")

    def __call__(self, sample: Sample, generator: np.random.Generator) -> Sample:
        """Return a changed sample; the given one stays as it is.

        Parameters
        ----------
        sample : Sample
        generator : numpy.random.Generator
            Where all random numbers come from: the same state gives the same result.

        Returns
        -------
        Sample
            Its image has the same shape. Joints that leave the image, or were not labelled, have `visible` 0. `matrix`
            leads from the pixels of the image that the given sample was cut from to those of the new image.

        Raises
        ------
        TypeError, ValueError
            If the image is not uint8 (H, W, 3), the generator is none, or the number of joints is not the skeleton's.
        """
        check_image("Augment", sample.image)
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"Augment: generator must be a numpy.random.Generator, not {generator!r}")
        if sample.points.shape != (len(self.skeleton.names), 2):
            raise ValueError(
                f"Augment: the skeleton has {len(self.skeleton.names)} joints, but the points of sample "
                f"{sample.index} have shape {sample.points.shape}"
            )
        size = height, width = sample.image.shape[:2]
        flipped = generator.random() < self.flip
        matrix = self._random_matrix(generator, flipped, height, width)
        image, people, visible = sample.image, sample.people, sample.people_visible
        if matrix is not None:
            image, people = warp_image(image, matrix, size), affine.transform_points(matrix, people)
            visible = np.where(affine.is_inside(people, size), visible, 0).astype(np.uint8)
        if flipped:
            people, visible = people[:, self.skeleton.flip], visible[:, self.skeleton.flip]
        image = self._random_colours(generator, image)
        if self.cutout:
            image, covered = self._random_square(generator, image, people)
            visible = np.where(covered, np.minimum(visible, 1), visible)
        return dataclasses.replace(
            sample,
            image=image,
            points=people[0],
            visible=visible[0],
            people=people,
            people_visible=visible,
            matrix=sample.matrix if matrix is None else affine.compose(sample.matrix, matrix),
        )

    def _random_matrix(
        self, generator: np.random.Generator, flipped: bool, height: int, width: int
    ) -> np.ndarray | None:
        """The one matrix for the image and its points, or None where everything stays in its place."""
        centre = (width - 1) / 2, (height - 1) / 2
        steps = [affine.horizontal_flip(width)] if flipped else []
        if self.rotation and generator.random() < self.rotation_chance:
            deviations = min(2.0, max(-2.0, generator.standard_normal()))
            steps.append(affine.rotation(self.rotation * deviations, centre))
        if self.scale:
            deviations = min(1.0, max(-1.0, generator.standard_normal()))
            steps.append(affine.scaling(1 + self.scale * deviations, centre))
        if self.translation:
            x, y = self.translation * generator.uniform(-1, 1, 2)
            steps.append(affine.translation(x * width, y * height))
        return affine.compose(*steps) if steps else None

    def _random_colours(self, generator: np.random.Generator, image: np.ndarray) -> np.ndarray:
        if not (self.colour or self.noise):
            return image
        values = image.astype(np.float32).reshape(len(image), -1)  # NumPy is slow at rows of three
        if self.colour:
            factors = generator.uniform(1 - self.colour, 1 + self.colour, 3).astype(np.float32)
            values *= np.tile(factors, image.shape[1])
        if self.noise:
            values += np.float32(self.noise) * generator.standard_normal(values.shape, np.float32)
        values += np.float32(0.5)
        return np.clip(values, 0, 255, out=values).astype(np.uint8).reshape(image.shape)

    def _random_square(
        self, generator: np.random.Generator, image: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Paint a square over a copy of the image, and tell which of the points (..., 2) it covers."""
        height, width = image.shape[:2]
        side = max(1, round(self.cutout * min(height, width)))
        left, top = (math.floor(generator.uniform(0, length) - side / 2 + 0.5) for length in (width, height))
        image = image.copy()
        image[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = generator.integers(0, 256, 3)
        first = np.array([left - 0.5, top - 0.5])
        return image, ((points >= first) & (points < first + side)).all(axis=-1)
