"""Optimisers and learning-rate schedules."""

from minipose.optim.adam import Adam
from minipose.optim.optimizer import Optimizer
from minipose.optim.schedules import CosineWithWarmup

__all__ = ["Adam", "CosineWithWarmup", "Optimizer"]
