"""Training: the settings of a run, the loop, its log and checkpoints, and the scores of the result."""

from minipose.train.callbacks import Callback, Progress, TensorBoard
from minipose.train.cascade import Cascade, fit_errors, train_stage
from minipose.train.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from minipose.train.config import Config, add_arguments, from_arguments
from minipose.train.course_table import course_table
from minipose.train.detectors import diagnose, duplicated_rows
from minipose.train.ema import EMA
from minipose.train.evaluate import evaluate, evaluate_sets
from minipose.train.findings import Finding, SuspiciousScores
from minipose.train.folder import locked_folder
from minipose.train.interrupts import Interrupted, run_program
from minipose.train.log import Log, Row, read_log
from minipose.train.loop import Trainer
from minipose.train.people import evaluate_people, validate_people
from minipose.train.pictures import predict_pictures
from minipose.train.predictions import Labels, Predictions, default_codec, predict, predict_outputs, read_labels
from minipose.train.references import evaluate_mean_pose
from minipose.train.report import TEST_COUNT, TEST_SETS, make_test_sets, score_run, train_and_score
from minipose.train.run import add_run_arguments, build_trainer, figures_of, run_from_arguments, train
from minipose.train.tables import REFERENCES, finding_lines, joint_table, table

__all__ = [
    "Callback", "Cascade", "Checkpoint", "Config", "EMA", "Finding", "Interrupted", "Labels", "Log", "Predictions",
    "Progress", "REFERENCES", "Row", "SuspiciousScores", "TEST_COUNT", "TEST_SETS", "TensorBoard", "Trainer",
    "add_arguments", "add_run_arguments", "build_trainer", "course_table", "default_codec", "diagnose",
    "duplicated_rows", "evaluate", "evaluate_mean_pose", "evaluate_people", "evaluate_sets", "figures_of",
    "finding_lines", "fit_errors", "from_arguments", "joint_table", "load_checkpoint", "locked_folder",
    "make_test_sets", "predict", "predict_outputs", "predict_pictures", "read_labels", "read_log",
    "run_from_arguments", "run_program", "save_checkpoint", "score_run", "table", "train", "train_and_score",
    "train_stage", "validate_people",
]  # fmt: skip
