"""Every kernel in plain NumPy, as its formula reads: the lesson, the oracle of the tests, and the float64 path.

Images are N C H W, weights F C KH KW, of any strides; `groups` splits the channels into independent parts.
Geometry arrives as pairs (vertical, horizontal), checked by the operations in `minipose.ops`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

Pair = tuple[int, int]
Taps = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]  # which pixels to mix, and the share of the second


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


def _per_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, 1, 1)


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the biased variance of each channel of x (N C H W), over N, H and W."""
    return x.mean((0, 2, 3)), x.var((0, 2, 3))


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    other: np.ndarray | None = None,
    relu: bool = False,
) -> np.ndarray:
    """Return (x - mean) / sqrt(var + eps) * weight + bias, channel by channel; then + other, then max(_, 0)."""
    mean, scale = _per_channel(mean), _per_channel(weight / np.sqrt(var + eps))
    y = (x - mean) * scale + _per_channel(bias)
    y = y if other is None else y + other
    return np.maximum(y, 0) if relu else y


def batch_norm_grad(
    grad: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    relu: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of x, weight and bias where mean and var are x's own (Ioffe & Szegedy 2015, section 3)."""
    if relu:
        grad = relu_grad(grad, batch_norm(x, mean, var, weight, bias, eps))
    rstd = 1 / np.sqrt(var + eps)
    normalised = (x - _per_channel(mean)) * _per_channel(rstd)
    count = x.shape[0] * x.shape[2] * x.shape[3]
    grad_bias = grad.sum((0, 2, 3))
    grad_weight = (grad * normalised).sum((0, 2, 3))
    centred = grad - _per_channel(grad_bias / count) - normalised * _per_channel(grad_weight / count)
    return centred * _per_channel(weight * rstd), grad_weight, grad_bias


def copy(x: np.ndarray) -> np.ndarray:
    """Return a copy of x whose axes are in the same order in memory."""
    return np.array(x, order="K")


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a + b, broadcast."""
    return np.add(a, b)


def sub(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a - b, broadcast."""
    return np.subtract(a, b)


def mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a * b, broadcast."""
    return np.multiply(a, b)


def sum_pixels(x: np.ndarray, other: np.ndarray | None = None, by_image: bool = False) -> np.ndarray:
    """Return the sum of x (N C H W), or of x * other, over H, W and N: 1 C 1 1; `by_image` not over N: N C 1 1."""
    return (x if other is None else x * other).sum((2, 3) if by_image else (0, 2, 3), keepdims=True)


def squared_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of (a - b)^2, as an array without axes."""
    return np.square(a - b).sum(keepdims=True).reshape(())


def scaled_difference(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return (a - b) * scale, for a scale without axes."""
    return (a - b) * scale


def concatenate_channels(*images: np.ndarray) -> np.ndarray:
    """Return images (N C H W), each with channels of its own number, as one."""
    return np.concatenate(images, axis=1)


def take_channels(x: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the channels from `start` up to `stop` of x (N C H W)."""
    return x[:, start:stop]


_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return (_erf(x) if x.size else x).astype(x.dtype)


def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0); a NaN stays NaN."""
    return np.maximum(x, 0)


def relu_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad where y, the result of relu, is positive, and 0 elsewhere."""
    return np.where(y > 0, grad, grad.dtype.type(0))


def relu6(x: np.ndarray) -> np.ndarray:
    """Return min(max(x, 0), 6); a NaN stays NaN."""
    return np.minimum(np.maximum(x, 0), 6)


def relu6_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad where y, the result of relu6, is neither 0 nor 6, and 0 elsewhere."""
    return np.where((y > 0) & (y < 6), grad, grad.dtype.type(0))


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """Return x where it is positive, else slope * x."""
    return np.where(x > 0, x, x * slope)


def leaky_relu_grad(grad: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """Return grad where x is positive, else slope * grad."""
    return np.where(x > 0, grad, grad * slope)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), written as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    return np.tanh(x * 0.5) * 0.5 + 0.5


def sigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad times the slope of the sigmoid, of which y is the result."""
    return grad * (y * (1 - y))


def silu(x: np.ndarray) -> np.ndarray:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


def silu_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return grad times the slope of silu at x."""
    s = sigmoid(x)
    return grad * (s * (1 + x * (1 - s)))


def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """Return relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


def hardsigmoid_grad(grad: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return grad / 6 where y, the result of hardsigmoid, is neither 0 nor 1, and 0 elsewhere."""
    return np.where((y > 0) & (y < 1), grad / 6, grad.dtype.type(0))


def hardswish(x: np.ndarray) -> np.ndarray:
    """Return x * relu6(x + 3) / 6."""
    return x * relu6(x + 3) / 6


def hardswish_grad(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return grad times the slope of hardswish at x: 0 up to -3, 1 from 3 on, x / 3 + 1 / 2 between."""
    slope = np.where(x >= 3, x.dtype.type(1), x / 3 + 0.5)
    return np.where(x <= -3, grad.dtype.type(0), grad * slope)


def max_pool2d(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest value of each window of x (N C H W), and its place h * W + w in the unpadded image.

    `size` is (OH, OW). The first of equal values wins, and padding never does; a NaN wins over any number.
    """
    N, C, H, W = x.shape
    (OH, OW), (sh, sw), (dh, dw), (ph, pw) = size, stride, dilation, padding
    best = np.full((N, C, OH, OW), -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)
    places = np.full((N, C, OH, OW), -1, np.int64)
    for a in range(kernel[0]):
        for b in range(kernel[1]):
            rows, columns = np.arange(OH) * sh + a * dh - ph, np.arange(OW) * sw + b * dw - pw
            inside = ((rows >= 0) & (rows < H))[:, None] & ((columns >= 0) & (columns < W))
            values = x[:, :, rows.clip(0, H - 1)[:, None], columns.clip(0, W - 1)]
            better = inside & ((values > best) | (places < 0) | (np.isnan(values) & ~np.isnan(best)))
            best = np.where(better, values, best)
            places = np.where(better, rows[:, None] * W + columns, places)
    return best, places


def max_pool2d_grad(
    grad: np.ndarray, places: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """Add each entry of grad (N C OH OW) to the pixel of an image of `size` (H, W) that won its window.

    The places say all; a GPU, where many threads would add to one pixel at once, goes by the windows instead.
    """
    N, C, OH, OW = grad.shape
    H, W = size
    result = np.zeros((N * C, H * W), grad.dtype)
    windows = (N * C, OH * OW)
    np.add.at(result, (np.arange(N * C)[:, None], places.reshape(windows)), grad.reshape(windows))
    return result.reshape(N, C, H, W)


def take_pixels(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the pixels of x (N C H W) at places (N C OH OW): the adjoint of `max_pool2d_grad`."""
    N, C, H, W = x.shape
    OH, OW = places.shape[2:]
    return np.take_along_axis(x.reshape(N, C, H * W), places.reshape(N, C, OH * OW), 2).reshape(places.shape)


def _window_reach(size: Pair, outputs: Pair, kernel: Pair, stride: Pair, padding: Pair) -> list[int]:
    """Return the size of the padded image, with what windows that hang over its edge need besides."""
    sides = zip(size, outputs, kernel, stride, padding, strict=True)
    return [max(n + 2 * p, (o - 1) * s + k) for n, o, k, s, p in sides]


def avg_pool2d(x: np.ndarray, share: np.ndarray, kernel: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """Return share (OH OW) times the sum of each window of x (N C H W), padded with zeros."""
    (N, C, H, W), (ph, pw), (OH, OW) = x.shape, padding, share.shape
    padded = np.zeros((N, C, *_window_reach((H, W), (OH, OW), kernel, stride, padding)), x.dtype)
    padded[..., ph : ph + H, pw : pw + W] = x
    total = np.zeros((N, C, OH, OW), x.dtype)
    for _, _, window in taps(kernel, (OH, OW), stride, (1, 1)):
        total += padded[window]
    return total * share


def avg_pool2d_grad(
    grad: np.ndarray, share: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair
) -> np.ndarray:
    """Add share * grad (N C OH OW) to every pixel of each window of an image of `size` (H, W)."""
    (N, C, OH, OW), (H, W), (ph, pw) = grad.shape, size, padding
    padded = np.zeros((N, C, *_window_reach(size, (OH, OW), kernel, stride, padding)), grad.dtype)
    spread = grad * share
    for _, _, window in taps(kernel, (OH, OW), stride, (1, 1)):
        padded[window] += spread
    return padded[..., ph : ph + H, pw : pw + W]


def _mix(x: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    """Return (1 - fraction) * x[low] + fraction * x[high] along `axis`."""
    low, high, fraction = taps
    if fraction is None:
        return np.take(x, low, axis)
    fraction = fraction.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.take(x, low, axis) * (1 - fraction) + np.take(x, high, axis) * fraction


def resize(x: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Resize x (N C H W): every row, then every column, of the result is a mixture of two of x's, or one of them."""
    image = _mix(_mix(x.transpose(0, 2, 3, 1), 1, rows), 2, columns)
    return image.transpose(0, 3, 1, 2)


def _matrix(taps: Taps, length: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix that `_mix` multiplies a line of `length` pixels with."""
    low, high, fraction = taps
    i = np.arange(len(low))
    matrix = np.zeros((len(low), length), dtype)
    matrix[i, low] = 1 if fraction is None else 1 - fraction
    if fraction is not None:
        matrix[i, high] += fraction
    return matrix


def resize_grad(grad: np.ndarray, rows: Taps, columns: Taps, size: Pair) -> np.ndarray:
    """Return the gradient of an image of `size` (H, W) that `resize` made grad's image of."""
    by_row, by_column = (_matrix(taps, n, grad.dtype) for taps, n in zip((rows, columns), size, strict=True))
    return _einsum("ih,ncij,jw->nchw", by_row, grad, by_column, optimize=True)


def adam_step(
    parameters: Sequence[np.ndarray],
    grads: Sequence[np.ndarray],
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    steps: Sequence[int],
) -> None:
    """Update parameters and their moments in place (Kingma & Ba 2015, algorithm 1), each at its own step."""
    for parameter, grad, m, v, step in zip(parameters, grads, first, second, steps, strict=True):
        if weight_decay:
            grad = grad + weight_decay * parameter
        m += (1 - beta1) * (grad - m)
        v += (1 - beta2) * (grad * grad - v)
        parameter -= lr / (1 - beta1**step) * m / (np.sqrt(v / (1 - beta2**step)) + eps)
