"""Dropout: entries, or whole channels, set to zero at random in training (Srivastava et al. 2014)."""

from __future__ import annotations

import numpy as np

from minipose.autograd import is_recomputing
from minipose.checks import check_flag, check_number
from minipose.kernels import array_module, to_device
from minipose.ops.checks import check_float_tensor, check_image, check_tensor
from minipose.random import default_generator
from minipose.tensor import Tensor


def _check(name: str, p: float, training: bool, inplace: bool, generator: np.random.Generator | None) -> None:
    check_number(name, "p", p, 0, 1)
    check_flag(name, "training", training)
    check_flag(name, "inplace", inplace)
    if inplace:
        raise ValueError(f"{name}: inplace=True is not offered: no gradient flows through a write; assign the result")
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator, not {generator!r}")
    if generator is not None and is_recomputing():  # another mask than in forward, and so a wrong gradient
        raise RuntimeError(f"{name}: inside checkpoint only the default generator draws the same again")


def _scaled_by_mask(input: Tensor, shape: tuple[int, ...], p: float, generator: np.random.Generator | None) -> Tensor:
    """Return input * mask / (1 - p), the mask being 0 with probability p and else 1, so that the mean stays."""
    # Drawn on the host, so that one seed gives one mask on every device.
    kept = (generator or default_generator()).random(shape) >= p
    mask = to_device(np.asarray(kept / (1 - p if p < 1 else 1), input.dtype), input.device)
    if shape == input.shape:  # then in the input's memory layout too, which the result takes over
        plain, mask = mask, array_module(input.data).empty_like(input.data)
        mask[...] = plain
    return input * Tensor(mask)


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set each entry to zero with probability `p`, and divide the others by 1 - p, so that the mean stays.

    Parameters
    ----------
    input : Tensor of any shape
    p : float
        From 0 to 1. Default 0.5.
    training : bool
        Default True; else the input itself is returned.
    inplace : bool
        For torch's signature; must be False.
    generator : numpy.random.Generator, optional
        What draws the mask. Default: the one that `minipose.manual_seed` seeds.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or the input holds integers in training.
    """
    _check("dropout", p, training, inplace, generator)
    check_tensor("dropout", "input", input)
    if not training or p == 0:
        return input
    check_float_tensor("dropout", "input", input)
    return _scaled_by_mask(input, input.shape, p, generator)


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set each channel of each image to zero with probability `p` (Tompson et al. 2015); arguments as in `dropout`.

    Parameters
    ----------
    input : (N, C, H, W)
        Nothing else: with three axes torch warns that it is unsure which of them are the channels.
    """
    _check("dropout2d", p, training, inplace, generator)
    check_image("dropout2d", input)
    return _scaled_by_mask(input, (*input.shape[:2], 1, 1), p, generator) if training and p > 0 else input
