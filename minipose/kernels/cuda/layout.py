"""Images with a margin, and the windows in them."""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.reference import Pair


def padded(x: Array, before: Pair, size: Pair) -> Array:
    """Return images (..., H, W) inside ones of `size` that are zero elsewhere.

    `before` says how many rows stand above the image and how many columns to its left; where it is negative, so many of
    the image's are left out, as is what does not fit at the other end. Where nothing changes it is x itself.
    """
    if tuple(before) == (0, 0) and x.shape[-2:] == tuple(size):
        return x
    result = cupy().zeros((*x.shape[:-2], *size), x.dtype)
    there, here = [], []
    for b, n, length in zip(before, x.shape[-2:], size, strict=True):
        begin, end = max(b, 0), min(b + n, length)
        there.append(slice(begin, max(begin, end)))
        here.append(slice(begin - b, max(begin, end) - b))
    result[..., there[0], there[1]] = x[..., here[0], here[1]]
    return result


def windows(x: Array, kernel: Pair, size: Pair, stride: Pair, dilation: Pair) -> Array:
    """Return the windows of images (C, N, H, W), a view (C, KH, KW, N, OH, OW), with `size` = (OH, OW)."""
    C, N = x.shape[:2]
    c, n, row, column = x.strides
    steps = c, row * dilation[0], column * dilation[1], n, row * stride[0], column * stride[1]
    return cupy().lib.stride_tricks.as_strided(x, (C, *kernel, N, *size), steps)
