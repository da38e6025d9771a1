"""Reverse-mode differentiation: Functions make a graph (`function`), and `engine` walks back through it."""

from minipose.autograd.checkpoint import checkpoint
from minipose.autograd.engine import backward, grad, register_hook, retain_grad
from minipose.autograd.function import Function
from minipose.autograd.gradcheck import GradcheckError, adjoint_check, gradcheck, gradgradcheck
from minipose.autograd.mode import detect_anomaly, enable_grad, is_grad_enabled, is_recomputing, no_grad

__all__ = [
    "Function", "GradcheckError", "adjoint_check", "backward", "checkpoint", "detect_anomaly", "enable_grad", "grad",
    "gradcheck", "gradgradcheck", "is_grad_enabled", "is_recomputing", "no_grad", "register_hook", "retain_grad",
]  # fmt: skip
