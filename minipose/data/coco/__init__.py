"""Keypoints in the JSON format of the COCO data set: people in images, read and written."""

from __future__ import annotations

from minipose.data.coco.dataset import CocoKeypoints
from minipose.data.coco.export import write_coco, write_coco_results

__all__ = ["CocoKeypoints", "write_coco", "write_coco_results"]
