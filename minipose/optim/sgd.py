"""Stochastic gradient descent."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from minipose.checks import check_flag, check_number
from minipose.kernels import Array
from minipose.optim.optimizer import Optimizer, check_from_zero, effective_gradient, kept
from minipose.tensor import Tensor


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted (Sutskever et al. 2013), as `torch.optim.SGD`.

    The parameter moves by -lr * b, where b is the gradient g or, with momentum, b = momentum * b + (1 - dampening) * g,
    beginning with b = g; with Nesterov's momentum it moves by -lr * (g + momentum * b).

    Parameters
    ----------
    params : iterable of Tensors, or of dicts
    lr : float
        Default 1e-3.
    momentum : float
        Default 0.
    dampening : float
        Default 0.
    weight_decay : float
        This times the parameter is added to its gradient. Default 0.
    nesterov : bool
        Default False.
    maximize : bool
        Whether to go up instead of down. Default False.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, `nesterov` comes without momentum or with dampening, or the parameters are not
        floating-point leaves.
    """

    optional = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, options | {"nesterov": nesterov, "maximize": maximize})

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where an option is out of range."""
        name = type(self).__name__
        check_from_zero(name, options, "lr", "momentum", "weight_decay")
        check_number(name, "dampening", options["dampening"], -sys.float_info.max, sys.float_info.max)
        for flag in ("nesterov", "maximize"):
            check_flag(name, flag, options[flag])
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ValueError(f"{name}: nesterov needs a momentum above 0 and no dampening")

    def update(self, parameter: Array, grad: Array, state: dict[str, Any], options: Mapping[str, Any]) -> None:
        """Change the array of one parameter in place, and its momentum."""
        grad, momentum = effective_gradient(parameter, grad, options), options["momentum"]
        if momentum:
            dampening = options["dampening"] if "momentum_buffer" in state else 0  # the first gradient counts in full
            buffer = kept(state, "momentum_buffer", parameter)
            buffer *= momentum
            buffer += (1 - dampening) * grad
            grad = grad + momentum * buffer if options["nesterov"] else buffer
        parameter -= options["lr"] * grad
