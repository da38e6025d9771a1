"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minipose.checks import check_flag
from minipose.kernels import Array, array_module
from minipose.optim.optimizer import Optimizer, check_from_zero, effective_gradient, kept
from minipose.tensor import Tensor


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5), as `torch.optim.RMSprop`.

    Every number moves by -lr * g / (sqrt(v) + eps), where v is a running mean of the square of its gradient g; if
    centered, of that less the square of the running mean (Graves 2013, equations 38 to 41).

    Parameters
    ----------
    params : iterable of Tensors, or of dicts
    lr : float
        Default 1e-2.
    alpha : float
        How much of the running means is kept at each step, at most 1. Default 0.99.
    eps : float
        Default 1e-8.
    weight_decay : float
        This times the parameter is added to its gradient. Default 0.
    momentum : float
        With it the moves are gathered: b = momentum * b + g / (sqrt(v) + eps), and -lr * b is the move. Default 0.
    centered : bool
        Default False.
    maximize : bool
        Whether to go up instead of down. Default False.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or the parameters are not floating-point leaves.
    """

    required = ("step", "square_avg")
    optional = ("momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, options | {"centered": centered, "maximize": maximize})

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where an option is out of range."""
        name = type(self).__name__
        check_from_zero(name, options, "lr", "alpha", "eps", "weight_decay", "momentum")
        if options["alpha"] > 1:
            raise ValueError(f"{name}: alpha must be a number from 0 up to 1, not {options['alpha']}")
        for flag in ("centered", "maximize"):
            check_flag(name, flag, options[flag])

    def update(self, parameter: Array, grad: Array, state: dict[str, Any], options: Mapping[str, Any]) -> None:
        """Change the array of one parameter in place, and its running means."""
        xp, alpha = array_module(parameter), options["alpha"]
        grad = effective_gradient(parameter, grad, options)
        state["step"] = state.get("step", 0) + 1
        square = variance = kept(state, "square_avg", parameter)
        square *= alpha
        square += (1 - alpha) * grad * grad
        if options["centered"]:
            mean = kept(state, "grad_avg", parameter)
            mean += (1 - alpha) * (grad - mean)
            variance = square - mean * mean
        move = grad / (xp.sqrt(variance) + options["eps"])
        if options["momentum"]:
            buffer = kept(state, "momentum_buffer", parameter)
            buffer *= options["momentum"]
            buffer += move
            move = buffer
        parameter -= options["lr"] * move
