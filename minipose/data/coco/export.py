"""Samples and predictions as COCO writes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from minipose.checks import as_array
from minipose.data.coco.dataset import CocoKeypoints
from minipose.data.images import write_png
from minipose.data.samples import Dataset, Sample
from minipose.files import atomic_path
from minipose.pose import STICK_FIGURE, affine

AREA_IN_BOX = 0.53
"""A person's area in COCO is that of a mask. Where there is none, this part of the box stands in for it."""


def write_coco(dataset: Dataset, folder: str | os.PathLike) -> Path:
    """Write samples of stick figures as images and a COCO keypoints file.

    The images are folder/images/000000.png and so on, in the order of the data set; the annotations are in
    folder/annotations.json, which is written last. All people of a sample are written who have a labelled joint; the
    first is the one that `points` are of. A box reaches half a pixel beyond the centres of the outermost labelled
    joints. An unlabelled joint becomes 0, 0, 0. The name of a sample's set is kept under "set", the file's name is not.

    Parameters
    ----------
    dataset : Dataset
        Its samples have the 16 joints of `STICK_FIGURE`.
    folder : path
        Made where it is not there.

    Returns
    -------
    Path
        The JSON file's. `CocoKeypoints(path, folder / "images")` has the same pixels, labelled points and flags.

    Raises
    ------
    FileExistsError
        If there is such a file or a folder "images" already: nothing is overwritten.
    ValueError
        If there are no samples, or one has other joints, or a labelled one at NaN or infinity.
    OSError
        If the folder cannot be written.
    """
    if len(dataset) == 0:
        raise ValueError("write_coco: the data set has no samples")
    folder = Path(folder)
    path, images = folder / "annotations.json", folder / "images"
    for existing in (path, images):
        if existing.exists():
            raise FileExistsError(f"write_coco: {existing} exists already; choose another folder, or remove it first")
    images.mkdir(parents=True)
    # Annotations count from 1, because COCO's own evaluation reads a match with number 0 as none.
    entries: dict[str, list] = {"images": [], "annotations": []}
    for place in range(len(dataset)):
        sample = dataset[place]
        name = f"{place:06}.png"
        people = _annotations(sample, place, len(entries["annotations"]) + 1)
        write_png(images / name, sample.image)
        height, width = sample.image.shape[:2]
        entries["images"].append({"id": place, "file_name": name, "width": width, "height": height, "set": sample.set})
        entries["annotations"].extend(people)
    category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(STICK_FIGURE.names),
        "skeleton": [[start + 1, end + 1] for start, end in STICK_FIGURE.links],  # COCO counts joints from 1
    }
    content = {"info": {"description": "written by minipose"}, "licenses": [], **entries, "categories": [category]}
    _write_json(path, content)
    return path


def write_coco_results(dataset: CocoKeypoints, points: np.ndarray, scores: np.ndarray, path: str | os.PathLike) -> None:
    """Write predictions in COCO's results format, which its own evaluation reads.

    They are mapped back to the pixels of the image files, and to the keypoints of the file that the data set was read
    from. Where that has COCO's 17, nose, eyes and ears are at 0, 0 with score 0: its own evaluation counts them as
    missed.

    Parameters
    ----------
    dataset : CocoKeypoints
        What the predictions were made on.
    points : array (N, 16, 2)
        (x, y) in the pixels of the samples' images, in the order of the data set; N is its length.
    scores : array (N, 16) or (N,)
        How sure the predictions are, for each joint or each person. A person's score is the mean of its joints'.
    path : path of the file to write

    Raises
    ------
    TypeError, ValueError
        If the data set is no `CocoKeypoints`, the shapes do not fit, or a number is NaN or infinite.
    OSError
        If the file cannot be written.
    """
    if not isinstance(dataset, CocoKeypoints):
        raise TypeError(f"write_coco_results: dataset must be a CocoKeypoints, not {type(dataset).__name__}")
    joints = (len(dataset), len(STICK_FIGURE.names))
    points = as_array("write_coco_results", "points", points)
    scores = as_array("write_coco_results", "scores", scores)
    if points.shape != (*joints, 2) or scores.shape not in (joints, joints[:1]):
        raise ValueError(
            f"write_coco_results: for {joints[0]} samples, points must have shape {(*joints, 2)} and scores {joints} "
            f"or {joints[:1]}, got {points.shape} and {scores.shape}"
        )
    for argument, values in (("points", points), ("scores", scores)):
        if not np.isfinite(values).all():
            raise ValueError(f"write_coco_results: {argument} must be finite, but some of them are NaN or infinite")
    results = []
    for index in range(len(dataset)):
        person = dataset.person(index)
        own = affine.transform_points(affine.invert(dataset.matrix(index)), points[index].astype(np.float64))
        own_scores = np.broadcast_to(scores[index], joints[1:]).astype(np.float64)
        keypoints = np.column_stack(person.category.from_joints(own, own_scores))
        results.append(
            {
                "image_id": person.picture.id,
                "category_id": person.category.id,
                "keypoints": keypoints.ravel().tolist(),
                "score": float(own_scores.mean()),
            }
        )
    _write_json(Path(path), results)


def _annotations(sample: Sample, image_id: int, first_id: int) -> list[dict[str, Any]]:
    height, width = sample.image.shape[:2]
    if sample.people.shape[1:] != (len(STICK_FIGURE.names), 2):
        raise ValueError(
            f"write_coco: sample {sample.index} has people of shape {sample.people.shape}, but the stick figures' "
            f"skeleton has {len(STICK_FIGURE.names)} joints (x, y)"
        )
    entries = []
    for points, visible in zip(sample.people.astype(np.float64), sample.people_visible, strict=True):
        labelled = visible > 0
        if not np.isfinite(points[labelled]).all():
            raise ValueError(f"write_coco: sample {sample.index} has a labelled joint at NaN or infinity")
        if not labelled.any():
            continue
        # From the centre of the first pixel to its corner is half a pixel, and so much the box reaches beyond joints.
        left, top = np.maximum(points[labelled].min(axis=0), 0)
        right, bottom = np.minimum(points[labelled].max(axis=0) + 1, (width, height))
        keypoints = np.column_stack([np.where(labelled[:, None], points, 0.0), visible])
        entries.append(
            {
                "id": first_id + len(entries),
                "image_id": image_id,
                "category_id": 1,
                "keypoints": [number for x, y, flag in keypoints.tolist() for number in (x, y, int(flag))],
                "num_keypoints": int(labelled.sum()),
                "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
                "area": float(AREA_IN_BOX * (right - left) * (bottom - top)),
                "iscrowd": 0,
            }
        )
    return entries


def _write_json(path: Path, content: Any) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
