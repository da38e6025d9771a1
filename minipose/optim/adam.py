"""Adam."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from minipose.kernels import kernels_of
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

    moments = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError where an option is out of range."""
        for option in ("lr", "eps", "weight_decay"):
            if not 0 <= options[option] < math.inf:
                raise ValueError(f"Adam: {option} must be a number from 0 up, got {options[option]!r}")
        betas = options["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas must be two numbers from 0 up to, not including, 1; got {betas!r}")

    def update(self, parameter: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
        """Change one parameter in place, and its moments."""
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
