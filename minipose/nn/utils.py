"""Clipping of gradients, under torch's name for the module. Call it between `backward()` and `optimizer.step()`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minipose.checks import check_flag, check_number
from minipose.kernels import Array, array_module
from minipose.tensor import Tensor, float32

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by the same factor, in place, so that their norm is at most `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)). The host does not wait for the device.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Those without a gradient are passed over.
    max_norm : float
    norm_type : float, or "inf"
        The p of the p-norm, from 0 up. Default 2.
    error_if_nonfinite : bool
        Whether a norm that is infinite or not a number is an error. Default False.

    Returns
    -------
    The norm of all gradients before, as one vector; 0-d

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or the gradients are on several devices.
    RuntimeError
        If the norm is not finite and `error_if_nonfinite` is set; then nothing has been changed.
    """
    name = "clip_grad_norm_"
    check_number(name, "max_norm", max_norm, 0)
    p = math.inf if isinstance(norm_type, str) and norm_type == "inf" else norm_type
    check_number(name, "norm_type", p, 0)
    check_flag(name, "error_if_nonfinite", error_if_nonfinite)
    grads = _gradients(name, parameters)
    if not grads:
        return Tensor(np.zeros((), float32))
    devices = {grad.device for grad in grads}
    if len(devices) > 1:
        raise ValueError(f"{name}: the gradients are on several devices, {' and '.join(sorted(devices))}")
    if p == math.inf and not all(grad.numel() for grad in grads):
        raise ValueError(f"{name}: a gradient without entries has no largest one; choose another norm_type")
    xp = array_module(grads[0].data)
    total = _norm(xp.concatenate([_norm(grad.data, p).reshape(1) for grad in grads]), p)
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(f"{name}: the norm of the gradients is {float(total)}, so they cannot be clipped")
    factor = xp.minimum(max_norm / (total + 1e-6), 1.0)
    for grad in grads:
        grad.data *= factor
    return Tensor(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every number of the gradients into -clip_value .. clip_value, in place.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Those without a gradient are passed over.
    clip_value : float

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.
    """
    name = "clip_grad_value_"
    check_number(name, "clip_value", clip_value, 0)
    limit = float(clip_value)
    for grad in _gradients(name, parameters):
        xp = array_module(grad.data)
        grad.data[...] = xp.minimum(xp.maximum(grad.data, -limit), limit)
        grad.bump_version()


def _gradients(name: str, parameters: Any) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    if isinstance(parameters, str) or not isinstance(parameters, Iterable):
        raise TypeError(f"{name}: parameters must be a Tensor or a list of Tensors, not {parameters!r}")
    parameters = list(parameters)
    for parameter in parameters:
        if not isinstance(parameter, Tensor) or not isinstance(parameter.grad, (Tensor, type(None))):
            raise TypeError(f"{name}: parameters and their gradients must be Tensors, not {parameter!r}")
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    for grad in grads:
        if grad.dtype.kind != "f" or not getattr(grad.data.flags, "writeable", True):
            raise ValueError(f"{name}: a gradient must hold floating-point numbers, and not be read-only")
    return grads


def _norm(x: Array, p: float) -> Array:
    size = abs(x)
    if p == math.inf:
        return size.max()
    if p == 0:
        return (size > 0).astype(x.dtype).sum()
    return array_module(x).sqrt((x * x).sum()) if p == 2 else (size**p).sum() ** (1 / p)
