"""Training: the loop, its log and checkpoints, and the scores of the result."""

from minipose.train.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from minipose.train.detectors import diagnose, duplicated_rows
from minipose.train.evaluate import evaluate, evaluate_sets, scores
from minipose.train.findings import Finding, SuspiciousScores
from minipose.train.log import Log, Row, read_log
from minipose.train.loop import Interrupted, Trainer, heatmap_loss, targets_of
from minipose.train.predictions import Labels, Predictions, predict, predict_maps, read_labels
from minipose.train.references import evaluate_mean_pose
from minipose.train.tables import finding_lines, joint_table, table

__all__ = [
    "Checkpoint", "Finding", "Interrupted", "Labels", "Log", "Predictions", "Row", "SuspiciousScores", "Trainer",
    "diagnose", "duplicated_rows", "evaluate", "evaluate_mean_pose", "evaluate_sets", "finding_lines", "heatmap_loss",
    "joint_table", "load_checkpoint", "predict", "predict_maps", "read_labels", "read_log", "save_checkpoint", "scores",
    "table", "targets_of",
]  # fmt: skip
