"""Modules, layers and blocks, with torch's names."""

from minipose.nn import functional as functional
from minipose.nn import init as init
from minipose.nn.activation import ReLU, Sigmoid
from minipose.nn.blocks import ResidualBlock, TransposedResidualBlock
from minipose.nn.container import ModuleList, Sequential
from minipose.nn.conv import Conv2d, ConvTranspose2d
from minipose.nn.linear import Flatten, Identity, Linear
from minipose.nn.module import Module
from minipose.nn.norm import BatchNorm2d
from minipose.nn.parameter import Parameter
from minipose.nn.pooling import MaxPool2d
from minipose.nn.summary import Summary, summary
from minipose.nn.upsample import Upsample

__all__ = [
    "BatchNorm2d", "Conv2d", "ConvTranspose2d", "Flatten", "Identity", "Linear", "MaxPool2d", "Module", "ModuleList",
    "Parameter", "ReLU", "ResidualBlock", "Sequential", "Sigmoid", "Summary", "TransposedResidualBlock", "Upsample",
    "functional", "init", "summary",
]  # fmt: skip
