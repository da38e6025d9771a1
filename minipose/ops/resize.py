"""Resizing images: nearest and bilinear are linear, and act on rows and on columns apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.checks import TOO_FAR, Pair, check_choice, check_flag, check_memory, check_number, pair
from minipose.kernels import Array, kernels_of, to_device
from minipose.kernels.reference import Taps
from minipose.ops.checks import check_image
from minipose.tensor import Tensor


class Resize(Function):
    """y = R x C^T for every image, R and C the matrices of weights that `taps` describe; hence grad_x = R^T grad C."""

    name = "interpolate"
    fresh_gradients = True

    def forward(self, x: Array, rows: Taps, columns: Taps) -> Array:
        self.size = x.shape[2:]
        self.taps = rows, columns
        return kernels_of(x).resize(x, rows, columns)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (ResizeGrad.apply(grad, taps=self.taps, size=self.size),)


class ResizeGrad(Function):
    """x = R^T y C, the adjoint of Resize, which is its own backward."""

    name = "interpolate_grad"

    def forward(self, grad: Array, taps: tuple[Taps, Taps], size: Pair) -> Array:
        self.taps = taps
        return kernels_of(grad).resize_grad(grad, *taps, size)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        rows, columns = self.taps
        return (Resize.apply(grad, rows=rows, columns=columns),)


def resize_taps(length: int, target: int, scale: float, mode: str, align_corners: bool) -> Taps:
    """Return which pixels of a line make each of the `target` new ones, and the share of the second one.

    Nearest takes pixel floor(i * scale). Bilinear mixes the two pixels around the source position, which is
    (i + 1/2) * scale - 1/2 with pixels as areas (align_corners False), or i (length - 1) / (target - 1) with the
    centres of the corner pixels kept in place (align_corners True). `scale` is source pixels per target pixel.
    """
    i = np.arange(target)
    if mode == "nearest":
        # float32, as torch computes it, so that ties fall on the same pixel
        source = np.floor(i.astype(np.float32) * np.float32(scale)).astype(np.int64)
        return source.clip(0, length - 1), None, None
    if align_corners:
        position = i * ((length - 1) / (target - 1) if target > 1 else 0.0)
    else:
        position = ((i + 0.5) * scale - 0.5).clip(0, None)
    low = np.floor(position).astype(np.int64).clip(0, length - 1)
    return low, (low + 1).clip(0, length - 1), position - low


def check_resizing(name: str, size: Any, scale_factor: Any, mode: Any, align_corners: Any) -> tuple[float, float]:
    """Return the two numbers of `size`, or of `scale_factor`, for rows and columns.

    Raises
    ------
    ValueError
        If not exactly one of the two is given, or an option is none of those there are.
    """
    check_choice(name, "mode", mode, ("nearest", "bilinear"))
    if align_corners is not None:
        check_flag(name, "align_corners", align_corners)
        if mode == "nearest":
            raise ValueError(f"{name}: align_corners has a meaning for mode='bilinear' only")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give either size or scale_factor")
    if size is not None:
        return pair(name, "size", size, 1)
    values = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor, scale_factor)
    if len(values) != 2:
        raise ValueError(f"{name}: scale_factor must be one or two positive numbers, not {scale_factor!r}")
    for value in values:
        check_number(name, "scale_factor", value, 0, TOO_FAR)
        if value == 0:
            raise ValueError(f"{name}: scale_factor must be positive, not {scale_factor!r}")
    return float(values[0]), float(values[1])


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Resize images, as `torch.nn.functional.interpolate`.

    Parameters
    ----------
    input : (N, C, H, W)
    size : int or (OH, OW), in pixels; either this or scale_factor
    scale_factor : float or (vertical, horizontal)
    mode : {"nearest", "bilinear"}
    align_corners : bool, optional
        For "bilinear": keep the centres of the corner pixels in place. Default False: pixels are areas.

    Raises
    ------
    ValueError
        If not exactly one of size and scale_factor is given, or an option is unknown.
    """
    name = "interpolate"
    check_image(name, input)
    values = check_resizing(name, size, scale_factor, mode, align_corners)
    lengths = input.shape[2:]
    targets = values if size is not None else [math.floor(n * v) for n, v in zip(lengths, values, strict=True)]
    if min(*lengths, *targets) < 1:
        raise ValueError(f"{name}: {tuple(lengths)} pixels cannot become {tuple(targets)}")
    check_memory(name, "result", (*input.shape[:2], *targets))
    taps = []
    for length, target, value in zip(lengths, targets, values, strict=True):
        scale = length / target if size is not None else 1 / value
        low, high, fraction = resize_taps(length, int(target), scale, mode, bool(align_corners))
        fraction = None if fraction is None else fraction.astype(input.dtype)
        taps.append(tuple(None if a is None else to_device(a, input.device) for a in (low, high, fraction)))
    return Resize.apply(input, rows=taps[0], columns=taps[1])
