"""The kernels in Numba: float32, all cores, channels-last."""

from minipose.kernels.cpu.activation import (
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
from minipose.kernels.cpu.adam import adam_step
from minipose.kernels.cpu.channels import sum_pixels
from minipose.kernels.cpu.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from minipose.kernels.cpu.join import concatenate_channels, take_channels
from minipose.kernels.cpu.loss import scaled_difference, squared_error
from minipose.kernels.cpu.matmul import matmul
from minipose.kernels.cpu.norm import batch_norm, batch_norm_grad, batch_statistics
from minipose.kernels.cpu.pointwise import add, copy, erf, mul, relu, relu_grad, sub
from minipose.kernels.cpu.pool import avg_pool2d, avg_pool2d_grad, max_pool2d, max_pool2d_grad, take_pixels
from minipose.kernels.cpu.resize import resize, resize_grad
from minipose.kernels.cpu.softmax import log_softmax, log_softmax_grad, softmax, softmax_grad

__all__ = [
    "adam_step", "add", "avg_pool2d", "avg_pool2d_grad", "batch_norm", "batch_norm_grad", "batch_statistics",
    "concatenate_channels", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "copy", "erf", "hardsigmoid",
    "hardsigmoid_grad", "hardswish", "hardswish_grad", "leaky_relu", "leaky_relu_grad", "log_softmax",
    "log_softmax_grad", "matmul", "max_pool2d", "max_pool2d_grad", "mul", "relu", "relu6", "relu6_grad", "relu_grad",
    "resize", "resize_grad", "scaled_difference", "sigmoid", "sigmoid_grad", "silu", "silu_grad", "softmax",
    "softmax_grad", "squared_error", "sub", "sum_pixels", "take_channels", "take_pixels",
]  # fmt: skip
