"""Convolution as one matrix product over the windows of the image, written out (im2col), and its adjoints.

An image that comes out lies in memory as C N H W, the order of the matrix product; the entry-by-entry operations keep
that order, and the next convolution reads it without a copy.
"""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.cuda.layout import padded, windows
from minipose.kernels.reference import Pair, conv_output_size


def matmul(a: Array, b: Array) -> Array:
    """As `reference.matmul`."""
    return cupy().matmul(a, b)


def _windows(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """Return the windows of x (N C H W) as a matrix for each group: (groups, C / groups * KH * KW, N * OH * OW)."""
    N, C, H, W = x.shape
    x = padded(x.transpose(1, 0, 2, 3), padding, (H + 2 * padding[0], W + 2 * padding[1]))
    (KH, KW), (OH, OW) = kernel, size
    return windows(x, kernel, size, stride, dilation).reshape(groups, C // groups * KH * KW, N * OH * OW)


def _rows(grad: Array, groups: int) -> Array:
    """Return grad (N F OH OW) as (groups, F / groups, N * OH * OW)."""
    N, F, OH, OW = grad.shape
    return grad.transpose(1, 0, 2, 3).reshape(groups, F // groups, N * OH * OW)


def _matrix(weight: Array, groups: int) -> Array:
    """Return weight (F C/groups KH KW) as (groups, F / groups, C / groups * KH * KW)."""
    F, C, KH, KW = weight.shape
    return weight.reshape(groups, F // groups, C * KH * KW)


def _product(a: Array, b: Array) -> Array:
    """Return the matrix products of two stacks."""
    # Of a single matrix cuBLAS reads the transpose where it lies; CuPy copies the members of a stack first.
    return matmul(a[0], b[0])[None] if len(a) == 1 else matmul(a, b)


def conv2d(x: Array, weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """As `reference.conv2d`."""
    kernel = weight.shape[2:]
    size = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    product = _product(_matrix(weight, groups), _windows(x, kernel, size, stride, padding, dilation, groups))
    return product.reshape(weight.shape[0], x.shape[0], *size).transpose(1, 0, 2, 3)


def conv2d_input_grad(
    grad: Array, weight: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """As `reference.conv2d_input_grad`, by a convolution of grad that has stride 1: no two windows add to one pixel.

    Let the padded image's row be u s + r. It is met by the taps a = q s + r alone, and by each at output row u - q. So
    the rows of one r are a convolution with every s-th tap, turned round; the rows of all r, and likewise the columns,
    come out as so many channels and are then interleaved (Shi et al. 2016, "sub-pixel convolution"). For a stride of 1
    that is the convolution with the whole kernel turned round.
    """
    N, (H, W), (sh, sw) = grad.shape[0], size, stride
    C = weight.shape[1] * groups
    # A kernel that is both strided and dilated is written out with its zeros.
    spread = [d if s > 1 else 1 for s, d in zip(stride, dilation, strict=True)]
    gaps = [1 if s > 1 else d for s, d in zip(stride, dilation, strict=True)]
    matrix, taps = _turned(weight, stride, spread, groups)
    first = [p // s for p, s in zip(padding, stride, strict=True)]
    count = [-(-(p + n) // s) - u for p, n, s, u in zip(padding, size, stride, first, strict=True)]
    reach = [g * (m - 1) for g, m in zip(gaps, taps, strict=True)]
    before = [r - u for r, u in zip(reach, first, strict=True)]
    images = padded(grad.transpose(1, 0, 2, 3), before, [r + n for r, n in zip(reach, count, strict=True)])
    columns = windows(images, taps, count, (1, 1), gaps).reshape(groups, matrix.shape[2], N * count[0] * count[1])
    parts = _product(matrix, columns).reshape(C, sh, sw, N, *count)
    result = parts.transpose(0, 3, 4, 1, 5, 2).reshape(C, N, count[0] * sh, count[1] * sw)
    top, left = padding[0] % sh, padding[1] % sw
    return result[:, :, top : top + H, left : left + W].transpose(1, 0, 2, 3)


def _turned(weight: Array, stride: Pair, spread: Pair, groups: int) -> tuple[Array, Pair]:
    """Return (groups, C / groups * SH * SW, F / groups * MH * MW) and (MH, MW): every S-th tap, the last of them first.

    `spread` is how far apart the taps are; where they are no multiple of the stride, zeros follow.
    """
    F, C, *kernel = weight.shape
    lengths = [d * (k - 1) + 1 for k, d in zip(kernel, spread, strict=True)]
    MH, MW = (-(-n // s) for n, s in zip(lengths, stride, strict=True))
    SH, SW = stride
    if (MH * SH, MW * SW) != (*kernel,):
        whole = cupy().zeros((F, C, MH * SH, MW * SW), weight.dtype)
        whole[:, :, : lengths[0] : spread[0], : lengths[1] : spread[1]] = weight
        weight = whole
    parts = weight.reshape(groups, F // groups, C, MH, SH, MW, SW)[:, :, :, ::-1, :, ::-1]
    matrix = parts.transpose(0, 2, 4, 6, 1, 3, 5).reshape(groups, C * SH * SW, F // groups * MH * MW)
    return matrix, (MH, MW)


def conv2d_weight_grad(
    x: Array, grad: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """As `reference.conv2d_weight_grad`."""
    columns = _windows(x, kernel, grad.shape[2:], stride, padding, dilation, groups)
    product = _product(_rows(grad, groups), columns.transpose(0, 2, 1))
    return product.reshape(grad.shape[1], x.shape[1] // groups, *kernel)
