"""Operations under torch's name for them: `from minipose.nn import functional as F`."""

from minipose.ops import (
    batch_norm,
    conv2d,
    conv_transpose2d,
    flatten,
    interpolate,
    linear,
    max_pool2d,
    mse_loss,
    relu,
    sigmoid,
)

__all__ = [
    "batch_norm", "conv2d", "conv_transpose2d", "flatten", "interpolate", "linear", "max_pool2d", "mse_loss", "relu",
    "sigmoid",
]  # fmt: skip
