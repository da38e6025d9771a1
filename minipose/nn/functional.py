"""Operations under torch's name for them: `from minipose.nn import functional as F`."""

from minipose.ops import (
    batch_norm,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    conv1d,
    conv2d,
    conv_transpose2d,
    cross_entropy,
    dropout,
    dropout2d,
    flatten,
    fold,
    group_norm,
    huber_loss,
    instance_norm,
    interpolate,
    kl_div,
    l1_loss,
    layer_norm,
    linear,
    log_softmax,
    max_pool2d,
    mse_loss,
    nll_loss,
    relu,
    sigmoid,
    smooth_l1_loss,
    softmax,
    unfold,
)

__all__ = [
    "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv1d", "conv2d", "conv_transpose2d",
    "cross_entropy", "dropout", "dropout2d", "flatten", "fold", "group_norm", "huber_loss", "instance_norm",
    "interpolate", "kl_div", "l1_loss", "layer_norm", "linear", "log_softmax", "max_pool2d", "mse_loss", "nll_loss",
    "relu", "sigmoid", "smooth_l1_loss", "softmax", "unfold",
]  # fmt: skip
