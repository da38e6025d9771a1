"""Optimisers and learning-rate schedules."""

from minipose.optim import lr_scheduler as lr_scheduler
from minipose.optim.adagrad import Adagrad
from minipose.optim.adam import Adam, AdamW
from minipose.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineWithWarmup,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from minipose.optim.optimizer import Optimizer
from minipose.optim.rmsprop import RMSprop
from minipose.optim.sgd import SGD

__all__ = [
    "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "CosineWithWarmup", "ExponentialLR", "LRScheduler", "LambdaLR",
    "LinearLR", "MultiStepLR", "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "SGD", "SequentialLR",
    "StepLR", "lr_scheduler",
]  # fmt: skip
