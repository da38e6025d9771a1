"""Adam, and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from minipose.checks import check_flag
from minipose.kernels import Array, array_module, kernels_of
from minipose.optim.optimizer import Optimizer, check_from_zero, kept
from minipose.tensor import Tensor


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), as `torch.optim.Adam`.

    Every number moves by lr * m / (sqrt(v) + eps), where m and v are running means of its gradient and of the square
    of it, corrected for starting at zero: about lr, whatever the scale of the loss.

    Parameters
    ----------
    params : iterable of Tensors, or of dicts
    lr : float
        Default 1e-3.
    betas : (float, float)
        How much of the running means is kept at each step. Default (0.9, 0.999).
    eps : float
        Default 1e-8.
    weight_decay : float
        This times the parameter is added to its gradient. Default 0.
    amsgrad : bool
        Whether to divide by the largest v so far (Reddi, Kale & Kumar 2018). Default False.
    maximize : bool
        Whether to go up instead of down. Default False.
    decoupled_weight_decay : bool
        Whether `weight_decay` acts as in AdamW. Default False.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or the parameters are not floating-point leaves.
    """

    required = ("step", "exp_avg", "exp_avg_sq")
    optional = ("max_exp_avg_sq",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        options |= {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, options)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where an option is out of range."""
        name = type(self).__name__
        check_from_zero(name, options, "lr", "eps", "weight_decay")
        betas = options["betas"]
        pair = isinstance(betas, (tuple, list)) and len(betas) == 2 and all(isinstance(beta, float) for beta in betas)
        if not pair or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{name}: betas must be two numbers from 0 up to, not including, 1; got {betas!r}")
        for flag in ("amsgrad", "maximize", "decoupled_weight_decay"):
            check_flag(name, flag, options[flag])

    def update_group(
        self,
        parameters: Sequence[Array],
        grads: Sequence[Array],
        states: Sequence[dict[str, Any]],
        options: Mapping[str, Any],
    ) -> None:
        """Change the arrays of one group's parameters in place, and their moments: all by one kernel."""
        lr, (beta1, beta2), eps, decay = (options[key] for key in ("lr", "betas", "eps", "weight_decay"))
        if options["maximize"]:
            grads = [-grad for grad in grads]
        if options["decoupled_weight_decay"]:
            for parameter in parameters:
                parameter *= 1 - lr * decay
            decay = 0.0
        by_kernels: dict[ModuleType, list[tuple[Any, ...]]] = {}
        for parameter, grad, state in zip(parameters, grads, states, strict=True):
            first, second = kept(state, "exp_avg", parameter), kept(state, "exp_avg_sq", parameter)
            step = state["step"] = state.get("step", 0) + 1
            if options["amsgrad"]:
                largest = kept(state, "max_exp_avg_sq", parameter)
                _amsgrad_step(parameter, grad, first, second, largest, lr, beta1, beta2, eps, decay, step)
            else:
                entries = by_kernels.setdefault(kernels_of(parameter), [])
                entries.append((parameter, grad, first, second, step))
        for kernels, entries in by_kernels.items():
            *arrays, steps = zip(*entries, strict=True)
            kernels.adam_step(*arrays, lr, beta1, beta2, eps, decay, steps)


def _amsgrad_step(
    parameter: Array, grad: Array, first: Array, second: Array, largest: Array,
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, step: int,
) -> None:  # fmt: skip
    xp = array_module(parameter)
    grad = grad + weight_decay * parameter if weight_decay else grad
    first += (1 - beta1) * (grad - first)
    second += (1 - beta2) * (grad * grad - second)
    largest[...] = xp.maximum(largest, second)
    parameter -= lr / (1 - beta1**step) * first / (xp.sqrt(largest / (1 - beta2**step)) + eps)


class AdamW(Adam):
    """Adam whose weight decay does not pass through the running means (Loshchilov & Hutter 2019), as torch's.

    Before each update the parameter is multiplied by 1 - lr * weight_decay.

    Parameters
    ----------
    params, lr, betas, eps, amsgrad, maximize
        As for `Adam`.
    weight_decay : float
        Default 0.01.

    Raises
    ------
    ValueError, TypeError
        As for `Adam`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; the decay stays decoupled, even if Adam's state is loaded."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
