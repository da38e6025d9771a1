"""Why a loss is no number: which array went bad first, found once training has stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minipose.autograd import detect_anomaly, no_grad
from minipose.kernels import Array, to_device
from minipose.nn import Module
from minipose.tensor import Tensor

OF_THE_BATCH = " of the batch"


def is_finite(array: Array) -> bool:
    """Return whether no entry is NaN or infinite; integers never are."""
    return array.dtype.kind != "f" or bool(np.isfinite(to_device(array, "cpu")).all())


def kind_of(array: Array) -> str:
    """Return "NaN" or "infinity", for an array that holds one."""
    return "NaN" if np.isnan(to_device(array, "cpu")).any() else "infinity"


def cause(model: Module, loss: Callable[[], Tensor], batch: dict[str, Array]) -> str:
    """Return what went bad first, as half a sentence.

    Parameters
    ----------
    model : whose gradients are still those of its last update, or those of the step that failed
    loss : computes the loss of the failing step once more
    batch : its arrays, by name
    """
    return (
        _first(f"{{kind}} is in the {{name}}{OF_THE_BATCH}", batch.items())
        or _of_the_parameters(model)  # not the buffers: the forward that failed has spoilt those itself
        or _of_a_module(model, loss)
        or _of_backward(model, loss)
        or "every value of the network is finite, only the loss is not: its outputs are too large"
    )


def _first(sentence: str, arrays: Iterable[tuple[str, Array]]) -> str:
    for name, array in arrays:
        if not is_finite(array):
            return sentence.format(kind=kind_of(array), name=name)
    return ""


def of_the_weights(model: Module) -> str:
    """Return which parameter is bad, and with which gradient that began, or else which buffer; or ""."""
    return _of_the_parameters(model) or _first("{kind} is in {name}", ((n, b.data) for n, b in model.named_buffers()))


def _of_the_parameters(model: Module) -> str:
    parameters = list(model.named_parameters())
    bad = [(name, p.data) for name, p in parameters if not is_finite(p.data)]
    if not bad:
        return ""
    many = f" and in {len(bad) - 1} more of {len(parameters)} parameters" if len(bad) > 1 else ""
    # Backward comes from the loss: among the gradients the last is the one that went bad first.
    gradients = [(name, p.grad.data) for name, p in parameters if p.grad is not None]
    gradient = _first("; the last update began it, with {kind} in the gradient of {name}", reversed(gradients))
    return _first("{kind} is in {name}", bad) + many + gradient


def _of_a_module(model: Module, loss: Callable[[], Tensor]) -> str:
    """Run forward again: the first module to finish with a bad output is the innermost that made it."""
    bad: list[str] = []
    names = {id(module): name or "the network" for name, module in model.named_modules()}

    def look(module: Module, inputs: tuple, result: Any) -> None:
        arrays = [r.data for r in (result if isinstance(result, (list, tuple)) else [result]) if isinstance(r, Tensor)]
        for array in arrays:
            if not is_finite(array):
                bad.append(f"{kind_of(array)} is first in the output of {names[id(module)]} ({type(module).__name__})")

    hooks = [module.register_forward_hook(look) for module in model.modules()]
    try:
        with no_grad():
            loss()
    finally:
        for hook in hooks:
            hook.remove()
    return bad[0] if bad else ""


def _of_backward(model: Module, loss: Callable[[], Tensor]) -> str:
    """Run forward and backward again, looking at every operation."""
    try:
        with detect_anomaly():
            result = loss()
            model.zero_grad()
            result.backward()
    except RuntimeError as error:
        return str(error)
    gradients = [(name, p.grad.data) for name, p in model.named_parameters() if p.grad is not None]
    return _first("{kind} is in the gradient of {name}", reversed(gradients)) or (
        "every gradient is finite, only their norm is not: they are too large"
    )
