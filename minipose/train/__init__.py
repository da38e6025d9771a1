"""Training: the loop, its log and checkpoints, and the scores of the result."""

from minipose.train.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from minipose.train.evaluate import evaluate, evaluate_mean_pose, predict, predict_maps, scores, table
from minipose.train.log import Log, Row, read_log
from minipose.train.loop import Interrupted, Trainer, heatmap_loss, targets_of

__all__ = [
    "Checkpoint", "Interrupted", "Log", "Row", "Trainer", "evaluate", "evaluate_mean_pose", "heatmap_loss",
    "load_checkpoint", "predict", "predict_maps", "read_log", "save_checkpoint", "scores", "table", "targets_of",
]  # fmt: skip
