"""Operations on Tensors, one family a file, each with its derivative."""

from minipose.ops import methods as methods
from minipose.ops.activation import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    prelu,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
)
from minipose.ops.batch_norm import batch_norm, batch_norm_relu
from minipose.ops.class_loss import cross_entropy, nll_loss
from minipose.ops.compare import clamp, eq, ge, gt, le, lerp, lt, maximum, minimum, ne, where
from minipose.ops.conv import conv1d, conv2d, conv_transpose2d
from minipose.ops.dropout import dropout, dropout2d
from minipose.ops.elementwise import add, div, mul, neg, pow, sub
from minipose.ops.extremes import amax, amin, argmax, argmin, max, min
from minipose.ops.fold import fold, unfold
from minipose.ops.index import gather, index_select, masked_fill, tril, triu
from minipose.ops.join import cat, chunk, flip, repeat, roll, split, stack, unbind
from minipose.ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from minipose.ops.matmul import einsum, linear, matmul, outer
from minipose.ops.norm import group_norm, instance_norm, layer_norm
from minipose.ops.pad import pad
from minipose.ops.pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from minipose.ops.reduce import cumsum, logsumexp, mean, norm, prod, std, sum, var
from minipose.ops.resize import interpolate
from minipose.ops.sample import affine_grid, grid_sample, pixel_shuffle, pixel_unshuffle
from minipose.ops.shape import (
    broadcast_to,
    expand,
    flatten,
    movedim,
    permute,
    reshape,
    squeeze,
    transpose,
    unsqueeze,
)
from minipose.ops.softmax import log_softmax, softmax
from minipose.ops.unary import (
    abs,
    cos,
    erf,
    exp,
    expm1,
    log,
    log1p,
    reciprocal,
    rsqrt,
    sin,
    sqrt,
    square,
    tanh,
)

__all__ = sorted(name for name, value in vars().items() if getattr(value, "__module__", "").startswith(__name__))
