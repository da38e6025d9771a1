"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minipose.checks import check_flag
from minipose.kernels import Array, array_module
from minipose.optim.optimizer import Optimizer, check_from_zero, effective_gradient, kept
from minipose.tensor import Tensor


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011), as `torch.optim.Adagrad`.

    At step t every number moves by -lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps), where s is the sum of the
    squares of all its gradients g so far.

    Parameters
    ----------
    params : iterable of Tensors, or of dicts
    lr : float
        Default 1e-2.
    lr_decay : float
        Default 0.
    weight_decay : float
        This times the parameter is added to its gradient. Default 0.
    initial_accumulator_value : float
        Where s begins. Default 0.
    eps : float
        Default 1e-10.
    maximize : bool
        Whether to go up instead of down. Default False.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or the parameters are not floating-point leaves.
    """

    required = ("step", "sum")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        options |= {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize}
        super().__init__(params, options)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """As `Optimizer.add_param_group`; the sum begins at once, so that it is saved with its initial value."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        new = self.state[len(self.state) - len(group["params"]) :]
        for p, state in zip(group["params"], new, strict=True):
            state["step"] = 0
            kept(state, "sum", p.data, group["initial_accumulator_value"])

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where an option is out of range."""
        name, numbers = type(self).__name__, ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
        check_from_zero(name, options, *numbers)
        check_flag(name, "maximize", options["maximize"])

    def update(self, parameter: Array, grad: Array, state: dict[str, Any], options: Mapping[str, Any]) -> None:
        """Change the array of one parameter in place, and the sum of its squared gradients."""
        grad = effective_gradient(parameter, grad, options)
        step = state["step"] = state.get("step", 0) + 1
        total = kept(state, "sum", parameter, options["initial_accumulator_value"])  # a loaded state may be without
        total += grad * grad
        rate = options["lr"] / (1 + (step - 1) * options["lr_decay"])
        parameter -= rate * grad / (array_module(parameter).sqrt(total) + options["eps"])
