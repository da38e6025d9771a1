"""Losses."""

from __future__ import annotations

from minipose.ops.checks import check_tensor
from minipose.tensor import Tensor


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared difference, as `torch.nn.functional.mse_loss`, but never broadcast.

    Parameters
    ----------
    input, target : Tensors of one shape
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        If the shapes differ: (N, 1) against (N,) would silently compare all with all.
    """
    for argument, value in (("input", input), ("target", target)):
        check_tensor("mse_loss", argument, value)
        if value.dtype.kind != "f":
            raise TypeError(f"mse_loss: {argument} must hold floating-point numbers, not {value.dtype}")
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: input has shape {input.shape} but target has {target.shape}; they must agree")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    difference = input - target
    squared = difference * difference
    return squared if reduction == "none" else squared.mean() if reduction == "mean" else squared.sum()
