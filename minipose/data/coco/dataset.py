"""People in photographs or drawings, as a COCO keypoints file describes them."""

from __future__ import annotations

import operator
import os
import warnings
from pathlib import Path

import numpy as np

from minipose.checks import check_integer, check_number
from minipose.data.coco.annotations import Person, Reader
from minipose.data.images import read_image
from minipose.data.samples import Dataset, Sample
from minipose.data.warp import warp_image
from minipose.pose import affine


class CocoKeypoints(Dataset):
    """One sample for each labelled person: a square crop around the person's box.

    The file's category says by the names of its keypoints what they are: COCO's 17, which become 16 joints as
    `minipose.pose.coco.coco_to_stick_figure` tells, or the 16 of the stick figures in any order. A keypoint's (x, y)
    count from the centre of the first pixel, as COCO's do, which are whole pixels' indices. A box (x, y, width,
    height) counts from that pixel's outer corner, so that (0, 0, W, H) is the whole image.

    Crowds, people without a box or without a label at one of the 16 joints, and images without people are left out
    and counted in `skipped`. A joint outside its image counts as unlabelled, of which a warning tells.

    Parameters
    ----------
    annotations : path of a JSON file
    images : path of the folder with the images
    size : int, optional
        Side of the crops in pixels. Default: no crops, but whole images, one sample an image, whose first person's
        joints are `points`.
    margin : float
        What the crop shows on each side around the box, in the box's longer sides. Default 0.125, so that its side
        is 1.25 of the box's.
    set : str
        What samples are called whose image has no "set" in the file. Default "coco".

    Attributes
    ----------
    skipped : dict of str to int
        How many entries of the file were left out, by reason.

    Raises
    ------
    FileNotFoundError
        If the file, the folder, or an image with a labelled person in it does not exist.
    TypeError, ValueError
        If the file is cut off or none of COCO's, has an id twice, refers to an image or a category that it lacks, has
        wrong numbers of numbers, NaN, an infinite number, or a person with all joints outside the image, or has no
        labelled person at all; or if another argument is none of the above.

    Examples
    --------
    >>> people = CocoKeypoints("person_keypoints_val2017.json", "val2017", size=256)  # doctest: +SKIP
    >>> people[0].image.shape  # doctest: +SKIP
    (256, 256, 3)
    """

    def __init__(
        self,
        annotations: str | os.PathLike,
        images: str | os.PathLike,
        size: int | None = None,
        margin: float = 0.125,
        set: str = "coco",
    ) -> None:
        if size is not None:
            check_integer("CocoKeypoints", "size", size, 1)
        check_number("CocoKeypoints", "margin", margin, 0, 100)
        self.annotations, self.images = Path(annotations), Path(images)
        self.size, self.margin, self.set = size, margin, set
        found = Reader(self.annotations).read()
        missing = [p.file_name for p in found.pictures if not (self.images / p.file_name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"CocoKeypoints: {len(missing)} of the {len(found.pictures)} images with people are not in the folder "
                f"{self.images}; the first of them is {missing[0]}"
            )
        if found.outside:
            warnings.warn(
                f"CocoKeypoints: {found.outside} joints in {self.annotations} lie outside their images and count as "
                "unlabelled",
                stacklevel=2,
            )
        self.skipped = found.skipped
        self._together: dict[int, list[Person]] = {}
        for person in found.people:
            self._together.setdefault(person.picture.id, []).append(person)
        self._people = [group[0] for group in self._together.values()] if size is None else found.people

    def __len__(self) -> int:
        return len(self._people)

    def __repr__(self) -> str:
        return f"CocoKeypoints({str(self.annotations)!r}, {str(self.images)!r}, size={self.size}, margin={self.margin})"

    def person(self, index: int) -> Person:
        """Return the annotation that sample `index` is about. Raise IndexError if there is no such sample."""
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"CocoKeypoints: index {index} is outside 0 to {len(self) - 1}")
        return self._people[index]

    def matrix(self, index: int) -> np.ndarray:
        """Return the map from the pixels of the image file to those of sample `index`, float64 (2, 3)."""
        if self.size is None:
            return affine.identity()
        x, y, width, height = self.person(index).box
        return affine.box_to_square((x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5), self.size, self.margin)

    def __getitem__(self, index: int) -> Sample:
        person, matrix = self.person(index), self.matrix(index)
        picture = person.picture
        image = read_image(self.images / picture.file_name)
        if image.shape[:2] != (picture.height, picture.width):
            raise ValueError(
                f"CocoKeypoints: {self.images / picture.file_name} has {image.shape[1]} x {image.shape[0]} pixels, but "
                f"its joints were labelled in an image of {picture.width} x {picture.height}"
            )
        if self.size is not None:
            image = warp_image(image, matrix, self.size)
        others = (other for other in self._together[picture.id] if other is not person)
        joints, flags = (np.stack(arrays) for arrays in zip(*(p.joints() for p in (person, *others)), strict=True))
        points = affine.transform_points(matrix, joints)
        visible = np.where(affine.is_inside(points, image.shape[:2]), flags, 0).astype(np.uint8)
        points = np.where(visible[..., None] > 0, points, 0.0).astype(np.float32)
        return Sample(
            image,
            points[0],
            visible[0],
            picture.set or self.set,
            operator.index(index),
            picture.file_name,
            points,
            visible,
            matrix,
        )
