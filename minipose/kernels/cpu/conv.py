"""Convolution, its gradients and the matrix product on the CPU, each put as a correlation for the kernels to run."""

from __future__ import annotations

from math import gcd

import numpy as np

from minipose.kernels import reference
from minipose.kernels.cpu.correlate import COLUMNS, ROWS, correlate, correlate_with_grad, pack_panels
from minipose.kernels.cpu.layout import channels_last, empty_image
from minipose.kernels.reference import Pair, conv_output_size
from minipose.kernels.threads import get_num_threads


def _panels(weight: np.ndarray) -> np.ndarray:
    """Return weight (KH KW C F) packed for `correlate`."""
    KH, KW, C, F = weight.shape
    panels = np.empty((-(-F // COLUMNS), KH, KW, C, COLUMNS), np.float32)
    pack_panels(weight, panels)
    return panels


def _parts(channels: int, groups: int) -> list[slice]:
    """Return the channels of each group."""
    size = channels // groups
    return [slice(g * size, (g + 1) * size) for g in range(groups)]


def conv2d(x: np.ndarray, weight: np.ndarray, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> np.ndarray:
    """As `reference.conv2d`."""
    N, F = x.shape[0], weight.shape[0]
    y = empty_image(N, F, *conv_output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation))
    image, result = channels_last(x), y.transpose(0, 2, 3, 1)
    for c, f in zip(_parts(x.shape[1], groups), _parts(F, groups), strict=True):
        panels = _panels(weight[f].transpose(2, 3, 1, 0))
        correlate(image[..., c], panels, result[..., f], stride, dilation, padding)
    return y


def _phase(first: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[slice, int, int]:
    """Return what input pixels first, first + stride, ... need: the taps, their dilation and their offset.

    Output pixel i meets input pixel h through tap a where i * stride = h + padding - a * dilation, so only every
    (stride / gcd)-th tap reaches a given h, and later taps meet earlier pixels: they are taken in reverse.
    """
    taps = [a for a in range(kernel) if (first + padding - a * dilation) % stride == 0]
    if not taps:
        return slice(0, 0), 1, 0
    step = stride // gcd(stride, dilation)
    before = taps[0] - step
    shift = (first + padding - taps[-1] * dilation) // stride
    return slice(taps[-1], before if before >= 0 else None, -step), dilation // gcd(stride, dilation), -shift


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """As `reference.conv2d_input_grad`.

    A strided convolution's gradient is split into stride x stride interleaved images, each a correlation of stride 1
    with the taps that reach it: no zeros are inserted and none multiplied.
    """
    (H, W), (sh, sw), KH, KW = size, stride, *weight.shape[2:]
    C = weight.shape[1] * groups
    result = empty_image(grad.shape[0], C, H, W)
    image, target = channels_last(grad), result.transpose(0, 2, 3, 1)
    for i in range(min(sh, H)):
        rows, dh, top = _phase(i, KH, sh, padding[0], dilation[0])
        for j in range(min(sw, W)):
            columns, dw, left = _phase(j, KW, sw, padding[1], dilation[1])
            phase = target[:, i::sh, j::sw]
            for f, c in zip(_parts(grad.shape[1], groups), _parts(C, groups), strict=True):
                taps = weight[f].transpose(2, 3, 0, 1)[rows, columns]
                if taps.size == 0:
                    phase[..., c] = 0
                else:
                    correlate(image[..., f], _panels(taps), phase[..., c], (1, 1), (dh, dw), (top, left))
    return result


def conv2d_weight_grad(
    x: np.ndarray, grad: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """As `reference.conv2d_weight_grad`; the result's memory is KH KW C F, as that of a layer's weight."""
    C, F = x.shape[1] // groups, grad.shape[1]
    result = np.zeros((*kernel, C, F), np.float32)
    images, grads = channels_last(x), channels_last(grad)
    taps = kernel[0] * kernel[1] * C
    width = F // groups
    partial = np.empty((get_num_threads(), -(-taps // ROWS) * ROWS, -(-width // COLUMNS) * COLUMNS), np.float32)
    for c, f in zip(_parts(x.shape[1], groups), _parts(F, groups), strict=True):
        share = np.empty((*kernel, C, width), np.float32)
        correlate_with_grad(images[..., c], grads[..., f], share, partial, stride, dilation, padding)
        result[..., f] = share
    return result.transpose(3, 2, 0, 1)


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `reference.matmul`: a matrix product is a 1x1 convolution of an image one pixel wide."""
    if a.ndim != 2 or b.ndim != 2 or 0 in (*a.shape, *b.shape):
        return reference.matmul(a, b)
    rows = a if a.strides[1] == a.itemsize else np.ascontiguousarray(a)
    y = np.empty((a.shape[0], b.shape[1]), np.float32)
    correlate(rows[None, :, None, :], _panels(b[None, None]), y[None, :, None, :], (1, 1), (1, 1), (0, 0))
    return y
