"""minipose: a deep-learning engine to learn backpropagation with, and the pose networks built on it."""

from minipose import nn, ops, optim
from minipose.autograd import Function, checkpoint, detect_anomaly, enable_grad, grad, is_grad_enabled, no_grad
from minipose.ops import (
    amax,
    argmax,
    cat,
    exp,
    flatten,
    log,
    matmul,
    mean,
    permute,
    relu,
    reshape,
    sigmoid,
    sqrt,
    sum,
    var,
)
from minipose.random import manual_seed
from minipose.tensor import (
    Tensor,
    bool_,
    float32,
    float64,
    int64,
    ones,
    ones_like,
    randn,
    tensor,
    uint8,
    zeros,
    zeros_like,
)

__version__ = "0.1.0"

__all__ = [
    "Function", "Tensor", "amax", "argmax", "bool_", "cat", "checkpoint", "detect_anomaly", "enable_grad",
    "exp", "flatten", "float32", "float64",
    "grad", "int64", "is_grad_enabled", "log", "manual_seed", "matmul", "mean", "nn", "no_grad", "ones",
    "ones_like", "ops", "optim", "permute", "randn", "relu", "reshape", "sigmoid", "sqrt", "sum", "tensor", "uint8",
    "var", "zeros", "zeros_like",
]  # fmt: skip
