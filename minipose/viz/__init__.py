"""Pictures of poses, of heatmaps and of training, written as PNG files. Needs no display."""

from __future__ import annotations

from minipose.viz.curves import training_curves
from minipose.viz.overlays import draw_skeleton, heatmap_sheet, prediction_sheet, show_image

__all__ = ["draw_skeleton", "heatmap_sheet", "prediction_sheet", "show_image", "training_curves"]
