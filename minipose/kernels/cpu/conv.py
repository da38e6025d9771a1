"""Convolution and its gradients on the CPU, each put as a correlation for the kernels to run."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np

from minipose.kernels.cpu import depthwise, winograd
from minipose.kernels.cpu.correlate import COLUMNS, ROWS, Phase, correlate, correlate_with_grad, pack
from minipose.kernels.cpu.layout import channels_last, empty_image
from minipose.kernels.cpu.memory import empty, workspace
from minipose.kernels.reference import Pair, conv_output_size
from minipose.kernels.threads import get_num_threads

FEW_PIXELS = 8  # times the channels of a gradient


def _parts(channels: int, groups: int) -> list[slice]:
    """Return the channels of each group."""
    size = channels // groups
    return [slice(g * size, (g + 1) * size) for g in range(groups)]


def conv2d(x: np.ndarray, weight: np.ndarray, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> np.ndarray:
    """As `reference.conv2d`."""
    N, F = x.shape[0], weight.shape[0]
    y = empty_image(N, F, *conv_output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation))
    if y.size == 0:
        return y
    image, result = channels_last(x), y.transpose(0, 2, 3, 1)
    method = winograd.method(weight.shape, y.shape, stride, dilation, groups)
    if method:
        winograd.correlate(image, weight.transpose(2, 3, 1, 0), result, padding, method)
        return y
    phases = (Phase(0, 0, *weight.shape[2:], *padding),)
    if depthwise.fits(weight.shape, groups):
        depthwise.correlate(image, weight, phases, result, stride, dilation, (1, 1))
        return y
    for c, f in zip(_parts(x.shape[1], groups), _parts(F, groups), strict=True):
        _correlate(image[..., c], weight[f].transpose(2, 3, 1, 0), phases, result[..., f], stride, dilation, (1, 1))
    return y


def _correlate(
    image: np.ndarray,
    weight: np.ndarray,
    phases: tuple[Phase, ...],
    y: np.ndarray,
    stride: Pair,
    dilation: Pair,
    step: Pair,
) -> None:
    """Run `correlate` for weight (KH KW C F)."""
    correlate(image, *pack(weight, phases), y, stride, dilation, step, get_num_threads())


def _phase(first: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[int, int, int, int]:
    """Return what input pixels first, first + stride, ... need: how many taps, their offset, the first, the next.

    Output pixel i meets input pixel h through tap a where i * stride = h + padding - a * dilation, so only every
    (stride / gcd)-th tap reaches a given h, and later taps meet earlier pixels: they are taken in reverse.
    """
    taps = [a for a in range(kernel) if (first + padding - a * dilation) % stride == 0]
    if not taps:
        return 0, 0, 0, 0
    return len(taps), -((first + padding - taps[-1] * dilation) // stride), taps[-1], -(stride // gcd(stride, dilation))


@lru_cache(maxsize=1024)
def _phases(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> tuple[Phase, ...]:
    """Return the phases that make the gradient of an image of `size`."""
    phases = []
    for i in range(min(stride[0], size[0])):
        rows, top, tap_row, row_step = _phase(i, kernel[0], stride[0], padding[0], dilation[0])
        for j in range(min(stride[1], size[1])):
            columns, left, tap_column, column_step = _phase(j, kernel[1], stride[1], padding[1], dilation[1])
            phases.append(Phase(i, j, rows, columns, top, left, tap_row, row_step, tap_column, column_step))
    return tuple(phases)


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """As `reference.conv2d_input_grad`."""
    (H, W), (sh, sw) = size, stride
    C = weight.shape[1] * groups
    result = empty_image(grad.shape[0], C, H, W)
    if result.size == 0:
        return result
    image, target = channels_last(grad), result.transpose(0, 2, 3, 1)
    method = winograd.input_grad_method(weight.shape, result.shape, stride, padding, dilation, groups)
    if method:
        turned = weight.transpose(2, 3, 0, 1)[::-1, ::-1]
        last = weight.shape[2] - 1
        offset = (last - padding[0], last - padding[1]) if stride == (1, 1) else (-method.start, -method.start)
        winograd.correlate(image, turned, target, offset, method)
        return result
    phases = _phases(size, weight.shape[2:], stride, padding, dilation)
    spacing = dilation[0] // gcd(sh, dilation[0]), dilation[1] // gcd(sw, dilation[1])
    if depthwise.fits(weight.shape, groups):
        depthwise.correlate(image, weight, phases, target, (1, 1), spacing, stride)
        return result
    for f, c in zip(_parts(grad.shape[1], groups), _parts(C, groups), strict=True):
        _correlate(image[..., f], weight[f].transpose(2, 3, 0, 1), phases, target[..., c], (1, 1), spacing, stride)
    return result


def conv2d_weight_grad(
    x: np.ndarray, grad: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """As `reference.conv2d_weight_grad`; the result's memory is KH KW C F, as that of a layer's weight."""
    C, F = x.shape[1] // groups, grad.shape[1]
    result = empty((*kernel, C, F))
    images, grads = channels_last(x), channels_last(grad)
    method = winograd.weight_grad_method((F, C, *kernel), grad.shape, stride, dilation, groups)
    if method:
        winograd.weight_grad(images, grads, result, padding, method)
        return result.transpose(3, 2, 0, 1)
    if depthwise.fits((F, C), groups):
        depthwise.weight_grad(images, grads, result[..., 0, :], stride, dilation, padding)
        return result.transpose(3, 2, 0, 1)
    taps, width, workers = kernel[0] * kernel[1] * C, F // groups, get_num_threads()
    # With few pixels a copy of the weights for each worker would take longer than the sums.
    copies = 1 if grads.size // F < FEW_PIXELS * width else workers
    partial = workspace("partial", copies, -(-taps // ROWS) * ROWS, -(-width // COLUMNS) * COLUMNS)
    for c, f in zip(_parts(x.shape[1], groups), _parts(F, groups), strict=True):
        correlate_with_grad(images[..., c], grads[..., f], result[..., f], partial, stride, dilation, padding, workers)
    return result.transpose(3, 2, 0, 1)
