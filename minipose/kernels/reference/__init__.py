"""Every kernel in plain NumPy, as its formula reads: the lesson, the oracle of the tests, and the float64 path.

Images are N C H W, weights F C KH KW, of any strides; `groups` splits the channels into independent parts.
Geometry arrives as pairs (vertical, horizontal), checked by the operations in `minipose.ops`.
"""

from minipose.kernels.reference.activation import (
    erf,
    hardsigmoid,
    hardsigmoid_grad,
    hardswish,
    hardswish_grad,
    leaky_relu,
    leaky_relu_grad,
    relu,
    relu6,
    relu6_grad,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    silu,
    silu_grad,
)
from minipose.kernels.reference.conv import (
    Pair,
    conv2d,
    conv2d_input_grad,
    conv2d_weight_grad,
    conv_output_size,
    matmul,
    taps,
)
from minipose.kernels.reference.join import concatenate_channels, take_channels
from minipose.kernels.reference.norm import batch_norm, batch_norm_grad, batch_statistics
from minipose.kernels.reference.pointwise import (
    adam_step,
    add,
    copy,
    mul,
    scaled_difference,
    squared_error,
    sub,
    sum_pixels,
)
from minipose.kernels.reference.pool import avg_pool2d, avg_pool2d_grad, max_pool2d, max_pool2d_grad, take_pixels
from minipose.kernels.reference.resize import Taps, resize, resize_grad
from minipose.kernels.reference.softmax import log_softmax, log_softmax_grad, softmax, softmax_grad

__all__ = [
    "Pair", "Taps", "adam_step", "add", "avg_pool2d", "avg_pool2d_grad", "batch_norm", "batch_norm_grad",
    "batch_statistics", "concatenate_channels", "conv2d", "conv2d_input_grad", "conv2d_weight_grad",
    "conv_output_size", "copy", "erf", "hardsigmoid", "hardsigmoid_grad", "hardswish", "hardswish_grad", "leaky_relu",
    "leaky_relu_grad", "log_softmax", "log_softmax_grad", "matmul", "max_pool2d", "max_pool2d_grad", "mul", "relu",
    "relu6", "relu6_grad", "relu_grad", "resize", "resize_grad", "scaled_difference", "sigmoid", "sigmoid_grad",
    "silu", "silu_grad", "softmax", "softmax_grad", "squared_error", "sub", "sum_pixels", "take_channels",
    "take_pixels", "taps",
]  # fmt: skip
