"""Operations on Tensors, one family a file, each with its derivative."""

from minipose.ops import methods as methods
from minipose.ops.conv import conv2d, conv_transpose2d
from minipose.ops.elementwise import abs_, add, div, exp, log, mul, neg, pow, relu, sigmoid, sqrt, sub
from minipose.ops.loss import mse_loss
from minipose.ops.matmul import linear, matmul
from minipose.ops.norm import batch_norm
from minipose.ops.pool import max_pool2d
from minipose.ops.reduce import amax, argmax, mean, sum, var
from minipose.ops.resize import interpolate
from minipose.ops.shape import cat, expand, flatten, permute, reshape, squeeze, transpose, unsqueeze

__all__ = [
    "abs_", "add", "amax", "argmax", "batch_norm", "cat", "conv2d", "conv_transpose2d", "div", "exp", "expand",
    "flatten", "interpolate", "linear", "log", "matmul", "max_pool2d", "mean", "mse_loss", "mul", "neg", "permute",
    "pow", "relu", "reshape", "sigmoid", "sqrt", "squeeze", "sub", "sum", "transpose", "unsqueeze", "var",
]  # fmt: skip
