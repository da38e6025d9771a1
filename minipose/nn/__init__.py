"""Modules, layers and blocks, with torch's names."""

from minipose.nn import functional as functional
from minipose.nn import init as init
from minipose.nn import utils as utils
from minipose.nn.activation import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from minipose.nn.blocks import ResidualBlock, TransposedResidualBlock
from minipose.nn.container import ModuleList, Sequential
from minipose.nn.conv import Conv1d, Conv2d, ConvTranspose2d
from minipose.nn.dropout import Dropout, Dropout2d
from minipose.nn.fold import Fold, Unfold
from minipose.nn.linear import Flatten, Identity, Linear
from minipose.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from minipose.nn.module import Module
from minipose.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm
from minipose.nn.parameter import Parameter
from minipose.nn.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from minipose.nn.soft_argmax import SoftArgmax2d, js_divergence2d, soft_argmax2d
from minipose.nn.softmax import LogSoftmax, Softmax
from minipose.nn.summary import Summary, summary
from minipose.nn.upsample import PixelShuffle, PixelUnshuffle, Upsample

__all__ = [
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d",
    "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose2d", "CrossEntropyLoss", "Dropout", "Dropout2d", "ELU",
    "Flatten", "Fold", "GELU", "GroupNorm", "Hardsigmoid", "Hardswish", "HuberLoss", "Identity", "InstanceNorm2d",
    "KLDivLoss", "L1Loss", "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MSELoss", "MaxPool2d", "Module",
    "ModuleList", "NLLLoss", "PReLU", "Parameter", "PixelShuffle", "PixelUnshuffle", "ReLU", "ReLU6", "ResidualBlock",
    "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "SoftArgmax2d", "Softmax", "Softplus", "Summary", "Tanh",
    "TransposedResidualBlock", "Unfold", "Upsample", "functional", "init", "js_divergence2d", "soft_argmax2d",
    "summary", "utils",
]  # fmt: skip
