"""From a COCO keypoints file to arrays. What is wrong with a file is said in one sentence that names the place."""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from minipose.checks import as_array, is_integer
from minipose.pose import STICK_FIGURE, affine
from minipose.pose.coco import COCO_NAMES, coco_to_stick_figure, stick_figure_to_coco

Joints = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Picture:
    """An image that annotations are about."""

    id: int
    file_name: str
    width: int
    height: int
    set: str | None


@dataclass(frozen=True)
class Category:
    """A kind of thing with keypoints, whose names say which of the 16 joints they are.

    Raises
    ------
    ValueError
        If they are neither COCO's 17 nor have the 16 of the stick figures among them.
    """

    id: int
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = [name for name in STICK_FIGURE.names if name not in self.names]
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"names a keypoint twice: {', '.join(self.names)}")
        if missing and not self.is_coco:
            raise ValueError(
                f"has keypoints that are neither COCO's 17 nor the stick figures' 16, which would need "
                f"{', '.join(missing)} too; it has {', '.join(self.names)}"
            )

    @functools.cached_property
    def is_coco(self) -> bool:
        return set(self.names) == set(COCO_NAMES)

    @functools.cached_property
    def used(self) -> np.ndarray:
        """Which of the keypoints (K,) the 16 joints are made of."""
        return np.isin(self.names, STICK_FIGURE.names)

    def to_joints(self, points: np.ndarray, visible: np.ndarray) -> Joints:
        """Points (K, 2) and flags (K,) in this category's order, as the 16 joints."""
        order = [self.names.index(name) for name in (COCO_NAMES if self.is_coco else STICK_FIGURE.names)]
        points, visible = points[order], visible[order]
        return coco_to_stick_figure(points, visible) if self.is_coco else (points, visible)

    def from_joints(self, points: np.ndarray, scores: np.ndarray) -> Joints:
        """The 16 joints and their scores as keypoints (K, 2) and (K,) in this category's order; 0 where it has more."""
        names = COCO_NAMES if self.is_coco else STICK_FIGURE.names
        points, scores = stick_figure_to_coco(points, scores) if self.is_coco else (points, scores)
        places = {name: place for place, name in enumerate(names)}
        own_points, own_scores = np.zeros((len(self.names), 2)), np.zeros(len(self.names))
        for own, name in enumerate(self.names):
            if name in places:
                own_points[own], own_scores[own] = points[places[name]], scores[places[name]]
        return own_points, own_scores


@dataclass(frozen=True, eq=False)
class Person:
    """One annotation: keypoints (K, 2) in its category's order, their flags (K,), and a box (x, y, width, height)."""

    id: int
    picture: Picture
    category: Category
    keypoints: np.ndarray
    flags: np.ndarray
    box: tuple[float, ...]

    def joints(self) -> Joints:
        """Return the 16 joints (16, 2) in pixels of the picture, unlabelled ones at (0, 0), and their flags (16,)."""
        return self.category.to_joints(self.keypoints, self.flags)


@dataclass(frozen=True, eq=False)
class Annotations:
    """What a file holds: the pictures with people, these people, and how many entries were left out, by reason."""

    pictures: list[Picture]
    people: list[Person]
    skipped: dict[str, int]
    outside: int


class Reader:
    """Reads one file; every complaint begins with its name."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.skipped: Counter[str] = Counter()
        self.outside = 0

    def read(self) -> Annotations:
        """Return what the file holds. Raise FileNotFoundError or ValueError where it is not there or wrong."""
        content = self._load()
        for key in ("images", "annotations", "categories"):
            if not isinstance(content, dict) or not isinstance(content.get(key), list):
                raise self._wrong(f"is not a COCO keypoints file: it has no list named {key!r}")
        pictures = self._by_id("image", content["images"], self._picture)
        categories = self._by_id("category", content["categories"], self._category)
        entries = self._by_id("annotation", content["annotations"], lambda where, entry: entry)
        people = [self._person(entry, pictures, categories) for entry in entries.values()]
        people = [person for person in people if person is not None]
        with_people = {person.picture.id for person in people}
        used = [picture for picture in pictures.values() if picture.id in with_people]
        self.skipped["images without labelled people"] += len(pictures) - len(used)
        if not people:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.skipped.items() if count)
            raise self._wrong(f"has no person with a labelled joint ({reasons or 'it is empty'})")
        skipped = {reason: count for reason, count in self.skipped.items() if count}
        return Annotations(used, people, skipped, self.outside)

    def _load(self) -> Any:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"CocoKeypoints: there is no file {self.path}") from None
        except IsADirectoryError:
            raise self._wrong("is a folder; give the JSON file in it, and the folder of images beside it") from None
        except UnicodeDecodeError:
            raise self._wrong("is not a text file") from None
        except ValueError as error:
            raise self._wrong(f"is no JSON file, or is cut off: {error}") from None
        except RecursionError:
            raise self._wrong("is nested too deeply") from None

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"CocoKeypoints: {self.path} {what}")

    def _by_id(self, kind: str, entries: list, make: Callable[[str, dict], Any]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for place, entry in enumerate(entries):
            if not isinstance(entry, dict) or not is_integer(entry.get("id")):
                raise self._wrong(f"has no integer id in entry {place} of its {kind} list")
            if entry["id"] in found:
                raise self._wrong(f"has the {kind} id {entry['id']} twice")
            found[entry["id"]] = make(f"{kind} {entry['id']}", entry)
        return found

    def _picture(self, where: str, entry: dict) -> Picture:
        name, width, height, set_name = (entry.get(key) for key in ("file_name", "width", "height", "set"))
        if not isinstance(name, str) or not name:
            raise self._wrong(f"has no file_name in {where}")
        # A file from elsewhere must not make us read what lies outside the folder that the user named.
        if "\\" in name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise self._wrong(f"has in {where} the file_name {name!r}, which leads out of the folder of images")
        if not (is_integer(width) and is_integer(height) and width > 0 and height > 0):
            raise self._wrong(
                f"has in {where} the width {width!r} and height {height!r}, which must be positive integers"
            )
        return Picture(entry["id"], name, width, height, set_name if isinstance(set_name, str) else None)

    def _category(self, where: str, entry: dict) -> Category | None:
        names = entry.get("keypoints")
        if names is None:
            return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._wrong(f"has in {where} keypoints that are no list of names")
        try:
            return Category(entry["id"], tuple(names))
        except ValueError as error:
            raise self._wrong(f"has a {where} that {error}") from None

    def _person(self, entry: dict, pictures: dict[int, Picture], categories: dict[int, Any]) -> Person | None:
        where = f"annotation {entry['id']}"
        for key, known in (("image_id", pictures), ("category_id", categories)):
            if not is_integer(entry.get(key)) or entry[key] not in known:
                raise self._wrong(f"has in {where} the {key} {entry.get(key)!r}, which is not among its own")
        picture, category = pictures[entry["image_id"]], categories[entry["category_id"]]
        reason = None
        if category is None:
            reason = "annotations of categories without keypoints"
        elif entry.get("iscrowd", 0):
            reason = "crowds"
        elif entry.get("num_keypoints") == 0 or "keypoints" not in entry:
            reason = "people without a labelled joint"
        if reason is not None:
            self.skipped[reason] += 1
            return None
        values = self._numbers(where, "keypoints", entry["keypoints"], 3 * len(category.names)).reshape(-1, 3)
        box = self._numbers(where, "bbox", entry.get("bbox"), 4)
        points, flags = values[:, :2], values[:, 2]
        if not set(flags.tolist()) <= {0, 1, 2}:
            raise self._wrong(f"has in {where} a visibility of {flags[~np.isin(flags, (0, 1, 2))][0]}, not 0, 1 or 2")
        labelled = (flags > 0) & category.used
        if not labelled.any() or min(box[2], box[3]) <= 0:
            self.skipped["boxes without an area" if labelled.any() else "people without a labelled joint"] += 1
            return None
        inside = affine.is_inside(points, (picture.height, picture.width))
        if not (labelled & inside).any():
            raise self._wrong(
                f"has in {where} no joint inside its image {picture.file_name!r} of {picture.width} x "
                f"{picture.height} pixels; the first is at {tuple(points[labelled][0].tolist())}"
            )
        self.outside += int((labelled & ~inside).sum())
        labelled &= inside
        points = np.where(labelled[:, None], points, 0.0)
        return Person(entry["id"], picture, category, points, (flags * labelled).astype(np.uint8), tuple(box.tolist()))

    def _numbers(self, where: str, key: str, value: Any, count: int) -> np.ndarray:
        try:
            numbers = as_array("CocoKeypoints", key, value if isinstance(value, Sequence) else None)
        except TypeError:
            raise self._wrong(f"has in {where} a {key} that is no list of numbers") from None
        if numbers.shape != (count,):
            raise self._wrong(f"has in {where} a {key} of shape {numbers.shape}, but there must be {count} numbers")
        if not np.isfinite(numbers).all():
            raise self._wrong(f"has in {where} a {key} with a number that is not finite")
        return numbers.astype(np.float64)
