"""minipose: a deep-learning engine to learn backpropagation with, and the pose networks built on it."""

from minipose import nn, ops, optim
from minipose.autograd import (
    Function,
    GradcheckError,
    adjoint_check,
    checkpoint,
    detect_anomaly,
    enable_grad,
    grad,
    gradcheck,
    gradgradcheck,
    is_grad_enabled,
    no_grad,
)
from minipose.ops import (
    amax,
    amin,
    argmax,
    argmin,
    cat,
    cumsum,
    einsum,
    exp,
    flatten,
    log,
    log_softmax,
    logsumexp,
    matmul,
    max,
    mean,
    min,
    norm,
    outer,
    permute,
    prod,
    relu,
    reshape,
    sigmoid,
    softmax,
    sqrt,
    std,
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
    "Function", "GradcheckError", "Tensor", "adjoint_check", "amax", "amin", "argmax", "argmin", "bool_", "cat",
    "checkpoint", "cumsum", "detect_anomaly", "einsum", "enable_grad", "exp", "flatten", "float32", "float64", "grad",
    "gradcheck", "gradgradcheck", "int64", "is_grad_enabled", "log", "log_softmax", "logsumexp", "manual_seed",
    "matmul", "max", "mean", "min", "nn", "no_grad", "norm", "ones", "ones_like", "ops", "optim", "outer", "permute",
    "prod", "randn", "relu", "reshape", "sigmoid", "softmax", "sqrt", "std", "sum", "tensor", "uint8", "var", "zeros",
    "zeros_like",
]  # fmt: skip
