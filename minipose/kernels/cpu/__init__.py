"""The kernels in Numba: float32, all cores, channels-last."""

from minipose.kernels.cpu.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from minipose.kernels.cpu.matmul import matmul
from minipose.kernels.cpu.norm import batch_norm, batch_norm_grad, batch_statistics
from minipose.kernels.cpu.pointwise import adam_step, add, copy, erf, relu, relu_grad
from minipose.kernels.cpu.pool import avg_pool2d, avg_pool2d_grad, max_pool2d, max_pool2d_grad, take_pixels
from minipose.kernels.cpu.resize import resize, resize_grad

__all__ = [
    "adam_step", "add", "avg_pool2d", "avg_pool2d_grad", "batch_norm", "batch_norm_grad", "batch_statistics",
    "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "copy", "erf", "matmul", "max_pool2d", "max_pool2d_grad",
    "relu", "relu_grad", "resize", "resize_grad", "take_pixels",
]  # fmt: skip
