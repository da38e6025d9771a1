"""Pictures of poses, of heatmaps and of training, written as PNG files. Needs no display."""

from __future__ import annotations

from minipose.viz.curves import comparison_curves, training_curves
from minipose.viz.overlays import draw_skeleton, heatmap_sheet, prediction_sheet, show_image
from minipose.viz.poses import pose_sheet
from minipose.viz.runs import run_pictures
from minipose.viz.studies import study_pictures, study_points

__all__ = [
    "comparison_curves", "draw_skeleton", "heatmap_sheet", "pose_sheet", "prediction_sheet", "run_pictures",
    "show_image", "study_pictures", "study_points", "training_curves",
]  # fmt: skip
