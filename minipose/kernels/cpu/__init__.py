"""The kernels in Numba: float32, all cores, channels-last; what is not here yet is the reference's."""

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
)  # fmt: skip
from minipose.kernels.cpu.channels import sum_pixels
from minipose.kernels.cpu.conv import conv2d, conv2d_input_grad, conv2d_weight_grad, matmul
from minipose.kernels.cpu.join import concatenate_channels, take_channels
from minipose.kernels.cpu.loss import scaled_difference, squared_error
from minipose.kernels.cpu.norm import batch_norm, batch_norm_grad, batch_statistics
from minipose.kernels.cpu.pointwise import adam_step, add, erf, mul, relu, relu_grad, sub
from minipose.kernels.cpu.pool import max_pool2d, max_pool2d_grad
from minipose.kernels.reference import resize, resize_grad, take_pixels

__all__ = [
    "adam_step", "add", "batch_norm", "batch_norm_grad", "batch_statistics", "concatenate_channels", "conv2d",
    "conv2d_input_grad", "conv2d_weight_grad", "erf", "hardsigmoid", "hardsigmoid_grad", "hardswish",
    "hardswish_grad", "leaky_relu", "leaky_relu_grad", "matmul", "max_pool2d", "max_pool2d_grad", "mul", "relu",
    "relu6", "relu6_grad", "relu_grad", "resize", "resize_grad", "scaled_difference", "sigmoid", "sigmoid_grad",
    "silu", "silu_grad", "squared_error", "sub", "sum_pixels", "take_channels", "take_pixels",
]  # fmt: skip
