"""The mean position of a map, for training: a decoder with a derivative, and what keeps the map round its mean."""

from __future__ import annotations

import math

from minipose.checks import check_number
from minipose.kernels import array_module
from minipose.nn.module import Module
from minipose.ops import log_softmax, matmul, softmax, softplus, stack
from minipose.ops.checks import check_float_tensor
from minipose.tensor import Tensor


def soft_argmax2d(input: Tensor, beta: float = 1.0) -> Tensor:
    """Return the mean cell of each map under softmax(beta * map) (Sun et al. 2018, equation 2).

    Parameters
    ----------
    input : (N, J, h, w)
        Unnormalised log-probabilities, indexed [row = y, column = x].
    beta : float
        What they are multiplied with first; a large one nears the argmax. Default 1.

    Returns
    -------
    Tensor (N, J, 2)
        Positions (x, y) in cells, the centre of the first being (0, 0): `minipose.pose.map_to_image` makes them pixels.

    Raises
    ------
    ValueError, TypeError
        If the input is not of four axes, has no cell, or holds integers, or beta is not positive.
    """
    N, J, h, w = _shape("soft_argmax2d", input)
    _check_positive("soft_argmax2d", "beta", beta)
    places = array_module(input.data).arange(h * w)
    cells = stack([Tensor(axis.astype(input.dtype)) for axis in (places % w, places // w)], 1)
    return matmul(softmax((input * beta).reshape(N, J, h * w), -1), cells)


def js_divergence2d(input: Tensor, centres: Tensor, sigma: float = 1.0, beta: float = 1.0) -> Tensor:
    """Return how far each softmax(beta * map) is from a Gaussian (Nibali et al. 2018, section 3.3).

    The Jensen-Shannon divergence of P and Q is (KL(P || M) + KL(Q || M)) / 2 with M = (P + Q) / 2. With
    d = log Q - log P it equals log 2 - sum(P softplus(d) + Q softplus(-d)) / 2, which stays finite where P or Q is 0;
    and softplus(-d) = softplus(d) - d.

    Parameters
    ----------
    input : (N, J, h, w)
        Unnormalised log-probabilities, indexed [row = y, column = x].
    centres : (N, J, 2)
        Means (x, y) of the Gaussians, in cells. Each is normalised over the cells of the map.
    sigma : float
        Their standard deviation in cells. Default 1.
    beta : float
        What the input is multiplied with first. Default 1.

    Returns
    -------
    Tensor (N, J)
        0 where they are equal, log 2 where they do not touch.

    Raises
    ------
    ValueError, TypeError
        If the shapes or types do not fit, or sigma or beta is not positive.
    """
    name = "js_divergence2d"
    N, J, h, w = _shape(name, input)
    check_float_tensor(name, "centres", centres)
    if centres.shape != (N, J, 2):
        raise ValueError(f"{name}: centres must have shape (N, J, 2) = {(N, J, 2)}, got {centres.shape}")
    if centres.dtype != input.dtype:
        raise TypeError(f"{name}: centres is {centres.dtype} but input {input.dtype}; convert one with .to()")
    if centres.device != input.device:
        raise ValueError(f"{name}: centres is on {centres.device!r} but input on {input.device!r}; move one with .to()")
    _check_positive(name, "sigma", sigma)
    _check_positive(name, "beta", beta)
    log_p = log_softmax((input * beta).reshape(N, J, h * w), -1)
    # A Gaussian of x and y is the product of one of x and one of y, and so is its sum over the map.
    log_x, log_y = (_log_gaussian(centres[:, :, axis : axis + 1], n, sigma) for axis, n in ((0, w), (1, h)))
    log_q = (log_y.reshape(N, J, h, 1) + log_x.reshape(N, J, 1, w)).reshape(N, J, h * w)
    d = log_q - log_p
    bent = softplus(d)
    return math.log(2) - (log_p.exp() * bent + log_q.exp() * (bent - d)).sum(-1) * 0.5


def _log_gaussian(centres: Tensor, length: int, sigma: float) -> Tensor:
    """Return the logarithms (N, J, length) of Gaussians around centres (N, J, 1), each summing to 1."""
    cells = Tensor(array_module(centres.data).arange(length).astype(centres.dtype))
    difference = cells - centres
    return log_softmax(difference * difference * (-0.5 / sigma**2), -1)


def _shape(name: str, input: Tensor) -> tuple[int, int, int, int]:
    check_float_tensor(name, "input", input)
    if input.ndim != 4 or 0 in input.shape[2:]:
        raise ValueError(f"{name}: input must have four axes N J h w and at least one cell, not shape {input.shape}")
    return input.shape


def _check_positive(name: str, argument: str, value: float) -> None:
    check_number(name, argument, value, 1e-6, 1e6)


class SoftArgmax2d(Module):
    """The mean cell (x, y) of each map under softmax(beta * map); see `soft_argmax2d`.

    Parameters
    ----------
    beta : float
        What the maps are multiplied with first; a large one nears the argmax. Default 1.

    Raises
    ------
    ValueError, TypeError
        If beta is not a positive number.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        _check_positive("SoftArgmax2d", "beta", beta)
        self.beta = beta

    def forward(self, input: Tensor) -> Tensor:
        """Return positions (N, J, 2) in cells of maps (N, J, h, w)."""
        return soft_argmax2d(input, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"
