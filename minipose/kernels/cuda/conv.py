"""Convolution as one matrix product over the windows of the image, written out (im2col), and its adjoints.

An image that comes out lies in memory as C N H W, the order of the matrix product; the entry-by-entry operations keep
that order, and the next convolution reads it without a copy.
"""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.reference import Pair, conv_output_size, taps


def matmul(a: Array, b: Array) -> Array:
    """As `reference.matmul`."""
    return cupy().matmul(a, b)


def _windows(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """Return the windows of x (N C H W) as a matrix for each group: (groups, C / groups * KH * KW, N * OH * OW)."""
    N, C = x.shape[:2]
    (KH, KW), (OH, OW), (ph, pw) = kernel, size, padding
    padded = cupy().pad(x.transpose(1, 0, 2, 3), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = cupy().empty((C, KH, KW, N, OH, OW), x.dtype)
    for a, b, window in taps(kernel, size, stride, dilation):
        windows[:, a, b] = padded[window]
    return windows.reshape(groups, C // groups * KH * KW, N * OH * OW)


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
    """As `reference.conv2d_input_grad`: each tap's share is added as one shifted image."""
    N, _, OH, OW = grad.shape
    C, (KH, KW), (H, W), (ph, pw) = weight.shape[1] * groups, weight.shape[2:], size, padding
    shares = _product(_matrix(weight, groups).transpose(0, 2, 1), _rows(grad, groups))
    shares = shares.reshape(C, KH, KW, N, OH, OW)
    reach = [max(n + 2 * p, s * (o - 1) + d * (k - 1) + 1)
             for n, p, s, o, d, k in zip(size, padding, stride, (OH, OW), dilation, (KH, KW), strict=True)]  # fmt: skip
    padded = cupy().zeros((C, N, *reach), grad.dtype)
    for a, b, window in taps((KH, KW), (OH, OW), stride, dilation):
        padded[window] += shares[:, a, b]
    return padded[:, :, ph : ph + H, pw : pw + W].transpose(1, 0, 2, 3)


def conv2d_weight_grad(
    x: Array, grad: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """As `reference.conv2d_weight_grad`."""
    windows = _windows(x, kernel, grad.shape[2:], stride, padding, dilation, groups)
    product = _product(_rows(grad, groups), windows.transpose(0, 2, 1))
    return product.reshape(grad.shape[1], x.shape[1] // groups, *kernel)
