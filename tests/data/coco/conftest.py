"""Two small images of one and two figures with COCO's 17 joints, drawn here, and the file that describes them."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from minipose.data import CocoKeypoints
from minipose.data.images import write_png
from minipose.pose import COCO_NAMES
from tests.data.discs import draw_discs

# A figure that faces us: its left is on our right. In units of a figure 1 high, around the middle of its hips.
FIGURE = np.array([
    (0.00, -0.44), (0.02, -0.46), (-0.02, -0.46), (0.04, -0.45), (-0.04, -0.45), (0.10, -0.34), (-0.10, -0.32),
    (0.19, -0.20), (-0.15, -0.16), (0.24, -0.06), (-0.22, -0.05), (0.06, 0.02), (-0.06, -0.02), (0.10, 0.24),
    (-0.09, 0.22), (0.15, 0.44), (-0.12, 0.46),
])  # fmt: skip
IMAGES = {7: ("first.png", 120, 90), 3: ("deeper/second.png", 100, 140)}
FIGURES = {21: (7, (60, 45), 70), 12: (3, (30, 80), 60), 13: (3, (68.5, 60.25), 80)}


@dataclass
class Photographs:
    folder: Path
    content: dict

    def save(self):
        path = self.folder / "annotations.json"
        path.write_text(json.dumps(self.content))
        return path

    def read(self, **arguments):
        return CocoKeypoints(self.save(), self.folder / "images", **arguments)

    def annotation(self, number):
        return next(entry for entry in self.content["annotations"] if entry["id"] == number)

    def another(self, number=99, **fields):
        """Add a copy of the first annotation, with other fields."""
        self.content["annotations"].append({**copy.deepcopy(self.content["annotations"][0]), "id": number, **fields})


def true_points(number):
    _, place, height = FIGURES[number]
    return np.array(place) + height * FIGURE


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "images" / "deeper").mkdir(parents=True)
    pictures, people = [], []
    for image_id, (name, width, height) in IMAGES.items():
        image = np.zeros((height, width, 3), np.uint8)
        for number, (where, _, _) in FIGURES.items():
            if where != image_id:
                continue
            points = true_points(number)
            colours = np.stack([np.arange(17) * 12 + 50, np.full(17, number * 10), np.full(17, 90)], axis=-1)
            draw_discs(image, points, 2.0, colours)
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            people.append({
                "id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, "num_keypoints": 17,
                "keypoints": np.column_stack([points, np.full(17, 2)]).ravel().tolist(), "area": 900.0,
                "bbox": [left - 1, top - 1, right - left + 3, bottom - top + 3],
            })  # fmt: skip
        write_png(tmp_path / "images" / name, image)
        pictures.append({"id": image_id, "file_name": name, "width": width, "height": height})
    category = {"id": 1, "name": "person", "keypoints": list(COCO_NAMES), "skeleton": [[1, 2]]}
    return Photographs(tmp_path, {"images": pictures, "annotations": people, "categories": [category]})
