"""Losses."""

from __future__ import annotations

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
        if not isinstance(value, Tensor):
            raise TypeError(f"mse_loss: {argument} must be a Tensor, not {type(value).__name__}")
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: input has shape {input.shape} but target has {target.shape}; they must be the same")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    difference = input - target
    squared = difference * difference
    return squared if reduction == "none" else squared.mean() if reduction == "mean" else squared.sum()
