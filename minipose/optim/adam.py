"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minipose.kernels import array_module, kernels_of
from minipose.optim.optimizer import Optimizer
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

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or the parameters are not leaves that require gradients.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0:
            raise ValueError(f"Adam: lr={lr}, eps={eps} and weight_decay={weight_decay} must not be negative")
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas must be two numbers from 0 up to, not including, 1; got {betas}")
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    def update(self, parameter: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
        """Change one parameter in place, and its moments."""
        if not state:
            zeros_like = array_module(parameter.data).zeros_like
            state.update(step=0, exp_avg=zeros_like(parameter.data), exp_avg_sq=zeros_like(parameter.data))
        state["step"] += 1
        kernels_of(parameter.data).adam_step(
            parameter.data,
            parameter.grad.data,
            state["exp_avg"],
            state["exp_avg_sq"],
            options["lr"],
            *options["betas"],
            options["eps"],
            options["weight_decay"],
            state["step"],
        )
