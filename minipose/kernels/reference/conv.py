"""The matrix product, and convolution with its two gradients: three derivatives of one trilinear form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Pair = tuple[int, int]


# BLAS fills its vectors with whatever lies beside the numbers that it is given; on some processors that raises the flag
# of an invalid operation, and NumPy then warns of a NaN that is in no result.
_quiet = np.errstate(invalid="ignore", over="ignore", divide="ignore")
_einsum = _quiet(np.einsum)


@_quiet
def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the matrix product of (..., M, K) and (..., K, N)."""
    return np.matmul(a, b)


def conv_output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return (OH, OW) of a convolution: floor((H + 2p - d(KH - 1) - 1) / s) + 1."""
    (H, W), (KH, KW), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (H + 2 * ph - dh * (KH - 1) - 1) // sh + 1, (W + 2 * pw - dw * (KW - 1) - 1) // sw + 1


def taps(kernel: Pair, size: Pair, stride: Pair, dilation: Pair) -> Iterator[tuple[int, int, tuple]]:
    """Yield each tap (a, b) of a kernel with the index of the padded pixels that it meets, one per output pixel."""
    (KH, KW), (OH, OW), (sh, sw), (dh, dw) = kernel, size, stride, dilation
    for a in range(KH):
        for b in range(KW):
            rows = slice(a * dh, a * dh + sh * (OH - 1) + 1, sh)
            columns = slice(b * dw, b * dw + sw * (OW - 1) + 1, sw)
            yield a, b, (..., rows, columns)


def _pad(x: np.ndarray, padding: Pair, groups: int) -> np.ndarray:
    """Return x as N, groups, C / groups, H + 2p, W + 2p."""
    N, C, H, W = x.shape
    return np.pad(
        x.reshape(N, groups, C // groups, H, W), ((0, 0), (0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2)
    )


def conv2d(
    x: np.ndarray, weight: np.ndarray, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Correlate x (N C H W) with weight (F C/groups KH KW): y[n,f,i,j] = sum w[f,c,a,b] x[n,c,i*s+a*d-p,j*s+b*d-p]."""
    N, F = x.shape[0], weight.shape[0]
    kernel = weight.shape[2:]
    OH, OW = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    padded = _pad(x, padding, groups)
    w = weight.reshape(groups, F // groups, *weight.shape[1:])
    y = np.zeros((N, groups, F // groups, OH, OW), x.dtype)
    for a, b, window in taps(kernel, (OH, OW), stride, dilation):
        y += _einsum("ngcij,gfc->ngfij", padded[window], w[..., a, b], optimize=True)
    return y.reshape(N, F, OH, OW)


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Scatter grad (N F OH OW) back through weight to an input of `size` (H, W): the transposed convolution."""
    N, F, OH, OW = grad.shape
    kernel = weight.shape[2:]
    g = grad.reshape(N, groups, F // groups, OH, OW)
    w = weight.reshape(groups, F // groups, *weight.shape[1:])
    C = weight.shape[1] * groups
    # Wide enough for output_padding: rows that no tap reaches stay zero.
    reach = [max(n + 2 * p, s * (o - 1) + d * (k - 1) + 1)
             for n, p, s, o, d, k in zip(size, padding, stride, (OH, OW), dilation, kernel, strict=True)]
    padded = np.zeros((N, groups, C // groups, *reach), grad.dtype)
    for a, b, window in taps(kernel, (OH, OW), stride, dilation):
        padded[window] += _einsum("ngfij,gfc->ngcij", g, w[..., a, b], optimize=True)
    (H, W), (ph, pw) = size, padding
    return padded[..., ph : ph + H, pw : pw + W].reshape(N, C, H, W)


def conv2d_weight_grad(
    x: np.ndarray, grad: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Correlate x (N C H W) with grad (N F OH OW): the gradient of the weight, F C/groups KH KW."""
    N, F, OH, OW = grad.shape
    C = x.shape[1]
    padded = _pad(x, padding, groups)
    g = grad.reshape(N, groups, F // groups, OH, OW)
    w = np.zeros((groups, F // groups, C // groups, *kernel), x.dtype)
    for a, b, window in taps(kernel, (OH, OW), stride, dilation):
        w[..., a, b] = _einsum("ngcij,ngfij->gfc", padded[window], g, optimize=True)
    return w.reshape(F, C // groups, *kernel)
