"""Operations on Tensors, one family a file, each with its derivative."""

from minipose.ops import methods as methods
from minipose.ops.conv import conv2d, conv_transpose2d
from minipose.ops.elementwise import abs, add, div, exp, log, mul, neg, pow, relu, sigmoid, sqrt, sub
from minipose.ops.loss import mse_loss
from minipose.ops.matmul import linear, matmul
from minipose.ops.norm import batch_norm
from minipose.ops.pool import max_pool2d
from minipose.ops.reduce import amax, argmax, mean, sum, var
from minipose.ops.resize import interpolate
from minipose.ops.shape import cat, expand, flatten, permute, reshape, squeeze, transpose, unsqueeze

__all__ = sorted(name for name, value in vars().items() if getattr(value, "__module__", "").startswith(__name__))
