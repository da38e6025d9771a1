"""Data sets, drawn or read, and the way from their samples to a network's input."""

from __future__ import annotations

from minipose.data.augment import Augment
from minipose.data.coco import CocoKeypoints, write_coco, write_coco_results
from minipose.data.course import COURSE_SETS, CourseFigures, course_poses, write_course
from minipose.data.crops import crop_squares
from minipose.data.images import image_files, image_size, read_image, write_png
from minipose.data.loader import DataLoader, LoaderError, prefetch, to_input
from minipose.data.poses import read_poses
from minipose.data.profiles import PROFILES
from minipose.data.samples import Batch, Dataset, Sample, collate
from minipose.data.stickmen import CUES, PLACEMENTS, SETS, STYLES, StickFigures
from minipose.data.warp import warp_image

__all__ = [
    "Augment", "Batch", "COURSE_SETS", "CUES", "CocoKeypoints", "CourseFigures", "DataLoader", "Dataset",
    "LoaderError", "PLACEMENTS", "PROFILES", "SETS", "STYLES", "Sample", "StickFigures", "collate", "course_poses",
    "crop_squares", "image_files", "image_size", "prefetch", "read_image", "read_poses", "to_input", "warp_image",
    "write_coco", "write_coco_results", "write_course", "write_png",
]  # fmt: skip
