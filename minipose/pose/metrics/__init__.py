"""How far predicted poses are from the true ones, one family of metrics a file.

All of them pool the joints over the poses: a joint's weight is how often it is labelled. Labelled is what its flag
says, never what its coordinates are: a joint at x = 0 counts like any other. A joint is correct when its error is at
most the threshold (<=, as in MPII's own evaluation; mmpose and many others test for <).
"""

from __future__ import annotations

from minipose.pose.metrics.average_precision import average_precision
from minipose.pose.metrics.correct import auc, pck, pckh
from minipose.pose.metrics.distance import epe, mean_pose, nme, report_score
from minipose.pose.metrics.oks import COCO_SIGMAS, MPII_SIGMAS, oks
from minipose.pose.metrics.summary import summarise
from minipose.pose.metrics.units import unit_lengths

__all__ = [
    "COCO_SIGMAS", "MPII_SIGMAS", "auc", "average_precision", "epe", "mean_pose", "nme", "oks", "pck", "pckh",
    "report_score", "summarise", "unit_lengths",
]  # fmt: skip
