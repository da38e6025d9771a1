"""The course's own format: four folders of numbered images, and an array of labels for each.

    root/Dataset/Test1/0.png, 1.png, ...     root/test1_labels.npy     and so on, up to 4

Labels are N x 32 (x0, y0, x1, y1, ...) or N x 16 x 2 numbers, in pixels, in the order of `STICK_FIGURE`. The course's
images have 224 x 224 pixels, and its poses were stretched to fill 0 to 224, so that in each image one joint lies at
x = 224 and one at y = 224: one pixel to the right of the last, or below it. They are taken as they are, since the
course's scores are about them.
"""

from __future__ import annotations

import itertools
import operator
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minipose.checks import check_choice, check_flag, check_integer
from minipose.data.images import image_files, image_size, natural_key, read_image, write_png
from minipose.data.poses import JOINTS, MISSING, read_numbers
from minipose.data.samples import Dataset, Sample
from minipose.data.warp import warp_image
from minipose.files import atomic_path
from minipose.pose import affine

COURSE_SETS = ("test1", "test2", "test3", "test4")


class CourseFigures(Dataset):
    """One of the course's four test sets, or what `write_course` wrote.

    Images are in the order of the numbers in their names, which must follow each other without a gap. Labels are
    `testN_labels.npy`, beside the folder `TestN`, in it, or in `root`. Where there are none, they are made of the poses
    in `root/test_split.npy` or `root/Dataset/test_split.npy` as the course made them: see `course_poses`. All joints
    are visible (2): the course's format has no flags, and its score counts every joint.

    Parameters
    ----------
    root : path of the folder that holds `Dataset`, or of `Dataset` itself
    set : {"test1", "test2", "test3", "test4"}
    size : int, optional
        Side in pixels of the square images wanted; images and points are scaled by one matrix, `Sample.matrix`, and
        beside what is not square there is black. Default: the size of the files.
    normalised : bool
        Whether the labels in the file are fractions of the image's width and height. Default: they are pixels.

    Attributes
    ----------
    labels : float64 array (N, 16, 2)
        In pixels of the files.
    image_size : (width, height) of the files

    Raises
    ------
    FileNotFoundError
        If the folder, its images, or the labels are missing.
    ValueError
        If there are not as many labels as images, labels are not what `normalised` says, have another shape, are not
        numbers, or lie outside the image; if a number is missing among the names of the images, a file is not an
        image, or images differ in size.
    """

    def __init__(
        self, root: str | os.PathLike, set: str = "test1", size: int | None = None, normalised: bool = False
    ) -> None:
        check_choice("CourseFigures", "set", set, COURSE_SETS)
        check_flag("CourseFigures", "normalised", normalised)
        if size is not None:
            check_integer("CourseFigures", "size", size, 1)
        self.root, self.set, self.size = Path(root), set, size
        folder = _folder(self.root, set)
        self.files = image_files(folder, [".png"])
        _check_numbers(self.files)
        self.image_size = _common_size(self.files)
        self.labels = self._read_labels(folder, normalised)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"CourseFigures: index {index} is outside 0 to {len(self) - 1}")
        image = read_image(self.files[index])
        if image.shape[1::-1] != self.image_size:
            raise ValueError(
                f"CourseFigures: {self.files[index]} has {image.shape[1]} x {image.shape[0]} pixels, "
                f"but the others have {self.image_size[0]} x {self.image_size[1]}"
            )
        points, matrix = self.labels[index], affine.identity()
        if self.size is not None:
            matrix = affine.image_to_square(image.shape[:2], self.size)
            image, points = warp_image(image, matrix, self.size), affine.transform_points(matrix, points)
        visible = np.full(JOINTS, 2, np.uint8)
        return Sample(image, points.astype(np.float32), visible, self.set, index, self.files[index].name, matrix=matrix)

    def __repr__(self) -> str:
        return f"CourseFigures(root={str(self.root)!r}, set={self.set!r}, size={self.size}, count={len(self)})"

    def _read_labels(self, folder: Path, normalised: bool) -> np.ndarray:
        places = {self.root, folder.parent, folder}
        found = sorted(p / f"{self.set}_labels.npy" for p in places if (p / f"{self.set}_labels.npy").is_file())
        splits = sorted(p / "test_split.npy" for p in places if (p / "test_split.npy").is_file())
        if len(found) > 1 or (not found and len(splits) > 1):
            raise ValueError(f"CourseFigures: which labels are right, {' or '.join(map(str, found or splits))}?")
        if found:
            labels = _in_pixels(read_numbers(found[0], "CourseFigures"), normalised, self.image_size, str(found[0]))
        elif splits:
            found = splits
            labels = course_poses(splits[0], self.set, self.image_size)
        else:
            raise FileNotFoundError(
                f"CourseFigures: there is neither {self.set}_labels.npy nor test_split.npy in {self.root} or {folder}"
            )
        if len(labels) != len(self.files):
            raise ValueError(
                f"CourseFigures: {found[0]} has {len(labels)} labels, but {folder} has {len(self.files)} images"
            )
        _check_inside("CourseFigures", labels, self.image_size, str(found[0]))
        return labels


def course_poses(path: str | os.PathLike, set: str, image_size: tuple[int, int] = (224, 224)) -> np.ndarray:
    """Make the labels of a test set of the course's file of poses, by the course's rules.

    Poses that contain -1, which stands for an unknown coordinate, are left out (3,519 remain of `test_split.npy`); the
    rest is cut in four equal parts in its order (of 879, and what remains is left out); each pose is stretched in x and
    in y, independently, from 0 to the side of the image. The course cut the results to integers; these are not cut.

    Parameters
    ----------
    path : path of `test_split.npy`, as for `read_poses`
    set : {"test1", "test2", "test3", "test4"}
    image_size : (width, height) in pixels

    Returns
    -------
    float64 array (N, 16, 2)
        Points (x, y) in pixels.

    Raises
    ------
    ValueError
        If fewer than four poses remain, or the joints of one have all the same x or y; and as for `read_poses`.
    """
    check_choice("course_poses", "set", set, COURSE_SETS)
    poses = read_numbers(path, "course_poses")
    poses = poses[(poses != MISSING).all(axis=(1, 2))]
    count = len(poses) // len(COURSE_SETS)
    if count == 0:
        raise ValueError(f"course_poses: {path} has {len(poses)} poses without -1, too few for four sets")
    first = COURSE_SETS.index(set) * count
    poses = poses[first : first + count]
    low, extent = poses.min(axis=1, keepdims=True), np.ptp(poses, axis=1, keepdims=True)
    flat = (extent == 0).any(axis=(1, 2))
    if flat.any():
        raise ValueError(f"course_poses: pose {flat.argmax()} of {set} in {path} has no width or no height to stretch")
    return (poses - low) / extent * image_size


def write_course(datasets: Sequence[Dataset], root: str | os.PathLike) -> None:
    """Write four data sets in the course's format.

    Images become `root/Dataset/Test1/0.png` and so on; labels `root/test1_labels.npy`, float32 N x 32 in pixels: cut to
    integers, as the course's were, they would be half a pixel off. `CourseFigures` reads the same to the last bit.

    Parameters
    ----------
    datasets : sequence of 4 Dataset
        Of 16 joints, all of them labelled. Hidden ones are written as the others: the format has no flags.
    root : path of a folder, which is made where there is none; it must not hold such data yet

    Raises
    ------
    FileExistsError
        If there is already one of the files or folders.
    ValueError
        If there are not four data sets, or one has no samples, images of different sizes, other joints, an unlabelled
        joint, or joints that are outside the image or not numbers.
    """
    if isinstance(datasets, Dataset) or len(datasets) != len(COURSE_SETS):
        raise ValueError("write_course: datasets must be four data sets, for test1 to test4")
    root = Path(root)
    folders = [root / "Dataset" / name.capitalize() for name in COURSE_SETS]
    files = [root / f"{name}_labels.npy" for name in COURSE_SETS]
    for path in (*folders, *files):
        if path.exists():
            raise FileExistsError(f"write_course: {path} exists already; choose another folder, or remove it")
    for dataset, name, folder, file in zip(datasets, COURSE_SETS, folders, files, strict=True):
        if len(dataset) == 0:
            raise ValueError(f"write_course: the data set for {name} has no samples")
        folder.mkdir(parents=True)
        labels = np.empty((len(dataset), JOINTS, 2), np.float32)
        size = None
        for index in range(len(dataset)):
            sample = dataset[index]
            size = _check_sample(sample, name, index, size)
            write_png(folder / f"{index}.png", sample.image)
            labels[index] = sample.points
        _check_pixels(labels, name)
        # Last, so that a folder whose writing was cut short has no labels, and cannot be read as a smaller one.
        with atomic_path(file) as temporary:
            np.save(temporary, labels.reshape(len(labels), -1))


def _folder(root: Path, set: str) -> Path:
    if not root.is_dir():
        raise FileNotFoundError(f"CourseFigures: there is no folder {root}")
    wanted = set.capitalize()
    for folder in (root / "Dataset" / wanted, root / "Dataset" / set, root / wanted, root / set):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"CourseFigures: there is no folder {Path('Dataset', wanted)} or {wanted} in {root}")


def _check_numbers(files: list[Path]) -> None:
    """Raise ValueError unless the files are the same name with one number after the other.

    One image that is missing and one that is too many keep the count right, and every label between them wrong.
    """
    columns = itertools.zip_longest(*(natural_key(file.name)[0] for file in files))
    different = [column for column in columns if len({*column}) > 1]
    by_number = len(different) == 1 and isinstance(different[0][0], int)
    for place in range(1, len(files)):
        if not by_number or different[0][place] != different[0][place - 1] + 1:
            raise ValueError(
                f"CourseFigures: the names of the images in {files[0].parent} must be one name with one number after "
                f"the other, as 0.png, 1.png, 2.png, but after {files[place - 1].name} comes {files[place].name}"
            )


def _common_size(files: list[Path]) -> tuple[int, int]:
    size = image_size(files[0])
    for file in files:
        if image_size(file) != size:
            raise ValueError(
                f"CourseFigures: images must be of one size, but {file} has {image_size(file)} and {files[0]} {size} "
                "(width and height)"
            )
    return size


def _in_pixels(labels: np.ndarray, normalised: bool, size: tuple[int, int], source: str) -> np.ndarray:
    """Return labels in pixels, having made sure that they are what `normalised` says."""
    fractions = labels.min() >= 0 and labels.max() <= 1
    if fractions and (labels == np.round(labels)).all():
        raise ValueError(
            f"CourseFigures: all numbers in {source} are 0 or 1: fractions of the image's side that were cut to "
            "integers when they were written, and are lost; write them as floats"
        )
    if fractions and not normalised:
        raise ValueError(
            f"CourseFigures: all numbers in {source} are from 0 to 1, which is one pixel of the image; if they are "
            "fractions of its side, say normalised=True"
        )
    if normalised and not fractions:
        raise ValueError(
            f"CourseFigures: the numbers in {source} go from {labels.min():g} to {labels.max():g}, so they are not "
            "fractions of the image's side; if they are pixels, leave out normalised=True"
        )
    return labels * size if normalised else labels


def _check_inside(name: str, labels: np.ndarray, size: tuple[int, int], source: str, first: int = 0) -> None:
    """Raise ValueError unless all joints are inside the image, or at most on the pixel after its last.

    `first` is the number of the first label.
    """
    outside = (labels < -0.5) | (labels > size)
    if outside.any():
        index, joint, _ = np.argwhere(outside)[0]
        x, y = labels[index, joint]
        raise ValueError(
            f"{name}: joint {joint} of label {first + index} in {source} is at ({x:g}, {y:g}), outside the image of "
            f"{size[0]} x {size[1]} pixels"
        )


def _check_sample(sample: Sample, name: str, index: int, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return a sample's image size, having made sure that the format can hold it."""
    what = f"write_course: sample {index} for {name}"
    if sample.points.shape != (JOINTS, 2):
        raise ValueError(f"{what} must have points of shape (16, 2), not {sample.points.shape}")
    if not np.isfinite(sample.points).all():
        raise ValueError(f"{what} has a joint that is NaN or infinite")
    if (sample.visible == 0).any():
        raise ValueError(f"{what} has an unlabelled joint, {sample.visible.argmin()}, which the format cannot express")
    own = sample.image.shape[1], sample.image.shape[0]
    if size is not None and own != size:
        raise ValueError(f"{what} has {own[0]} x {own[1]} pixels, but those before it {size[0]} x {size[1]}")
    _check_inside("write_course", sample.points[None], own, f"the data set for {name}", index)
    return own


def _check_pixels(labels: np.ndarray, name: str) -> None:
    if labels.min() >= 0 and labels.max() <= 1:
        raise ValueError(
            f"write_course: all points for {name} are from 0 to 1; points are pixels, not fractions of the image's side"
        )
