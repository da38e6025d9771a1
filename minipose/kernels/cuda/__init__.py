"""The kernels in CuPy: complete, on any NVIDIA GPU, in float32 and float64. What runs stays on the device.

Nothing here waits for the GPU or copies to the host, and no float is added atomically, so results are reproducible.
"""

from minipose.kernels.cuda.activation import (
    hardsigmoid,
    hardsigmoid_grad,
    hardswish,
    hardswish_grad,
    leaky_relu,
    leaky_relu_grad,
    relu6,
    relu6_grad,
    sigmoid,
    sigmoid_grad,
    silu,
    silu_grad,
)
from minipose.kernels.cuda.conv import conv2d, conv2d_input_grad, conv2d_weight_grad, matmul
from minipose.kernels.cuda.join import concatenate_channels, take_channels
from minipose.kernels.cuda.norm import batch_norm, batch_norm_grad, batch_statistics
from minipose.kernels.cuda.pointwise import (
    adam_step,
    add,
    copy,
    erf,
    mul,
    relu,
    relu_grad,
    scaled_difference,
    squared_error,
    sub,
    sum_pixels,
)
from minipose.kernels.cuda.pool import avg_pool2d, avg_pool2d_grad, max_pool2d, max_pool2d_grad, take_pixels
from minipose.kernels.cuda.resize import resize, resize_grad
from minipose.kernels.cuda.softmax import log_softmax, log_softmax_grad, softmax, softmax_grad

__all__ = [
    "adam_step", "add", "avg_pool2d", "avg_pool2d_grad", "batch_norm", "batch_norm_grad", "batch_statistics",
    "concatenate_channels", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "copy", "erf", "hardsigmoid",
    "hardsigmoid_grad", "hardswish", "hardswish_grad", "leaky_relu", "leaky_relu_grad", "log_softmax",
    "log_softmax_grad", "matmul", "max_pool2d", "max_pool2d_grad", "mul", "relu", "relu6", "relu6_grad", "relu_grad",
    "resize", "resize_grad", "scaled_difference", "sigmoid", "sigmoid_grad", "silu", "silu_grad", "softmax",
    "softmax_grad", "squared_error", "sub", "sum_pixels", "take_channels", "take_pixels",
]  # fmt: skip
