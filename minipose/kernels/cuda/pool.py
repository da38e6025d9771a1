"""Pooling, one tap of the windows at a time."""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.reference import Pair, taps


def _padded(x: Array, padding: Pair, reach: Pair, value: float) -> Array:
    """Return x (N C H W) with `value` around it, at least `reach` pixels long."""
    pads = [(p, max(p, length - n - p)) for n, p, length in zip(x.shape[2:], padding, reach, strict=True)]
    return cupy().pad(x, ((0, 0), (0, 0), *pads), constant_values=value)


def _reach(kernel: Pair, stride: Pair, dilation: Pair, size: Pair) -> Pair:
    """Return how many padded pixels the windows span."""
    return tuple(
        s * (o - 1) + d * (k - 1) + 1 for k, s, d, o in zip(kernel, stride, dilation, size, strict=True)
    )


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[Array, Array]:
    """As `reference.max_pool2d`."""
    xp = cupy()
    W, (OH, OW) = x.shape[3], size
    reach = _reach(kernel, stride, dilation, size)
    values = _padded(x, padding, reach, 0)
    inside = _padded(xp.ones((1, 1, *x.shape[2:]), bool), padding, reach, False)
    best = xp.zeros((*x.shape[:2], OH, OW), x.dtype)
    places = xp.full(best.shape, -1, xp.int64)
    for a, b, window in taps(kernel, size, stride, dilation):
        rows = xp.arange(OH) * stride[0] + (a * dilation[0] - padding[0])
        columns = xp.arange(OW) * stride[1] + (b * dilation[1] - padding[1])
        value = values[window]
        better = inside[window] & ((value > best) | (places < 0) | (xp.isnan(value) & ~xp.isnan(best)))
        best = xp.where(better, value, best)
        places = xp.where(better, rows[:, None] * W + columns, places)
    return best, places


def max_pool2d_grad(
    grad: Array, places: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """As `reference.max_pool2d_grad`: a tap's pixels are distinct, so adding tap by tap needs no atomics."""
    xp = cupy()
    N, C, OH, OW = grad.shape
    (H, W), (ph, pw) = size, padding
    reach = _reach(kernel, stride, dilation, (OH, OW))
    padded = xp.zeros((N, C, max(H + ph, reach[0]), max(W + pw, reach[1])), grad.dtype)
    for a, b, window in taps(kernel, (OH, OW), stride, dilation):
        rows = xp.arange(OH) * stride[0] + (a * dilation[0] - ph)
        columns = xp.arange(OW) * stride[1] + (b * dilation[1] - pw)
        # Beyond an edge this may be the place of another pixel; but what is added there is cut off with the padding.
        won = places == rows[:, None] * W + columns
        padded[window] += xp.where(won, grad, grad.dtype.type(0))
    return padded[:, :, ph : ph + H, pw : pw + W]


def avg_pool2d(x: Array, share: Array, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """As `reference.avg_pool2d`."""
    padded = _padded(x, padding, _reach(kernel, stride, (1, 1), share.shape), 0)
    total = cupy().zeros((*x.shape[:2], *share.shape), x.dtype)
    for _, _, window in taps(kernel, share.shape, stride, (1, 1)):
        total += padded[window]
    return total * share


def avg_pool2d_grad(grad: Array, share: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """As `reference.avg_pool2d_grad`."""
    (N, C, OH, OW), (H, W), (ph, pw) = grad.shape, size, padding
    reach = _reach(kernel, stride, (1, 1), (OH, OW))
    padded = cupy().zeros((N, C, max(H + ph, reach[0]), max(W + pw, reach[1])), grad.dtype)
    spread = grad * share
    for _, _, window in taps(kernel, (OH, OW), stride, (1, 1)):
        padded[window] += spread
    return padded[:, :, ph : ph + H, pw : pw + W]


def take_pixels(x: Array, places: Array) -> Array:
    """As `reference.take_pixels`."""
    N, C, H, W = x.shape
    OH, OW = places.shape[2:]
    flat = places.reshape(N, C, OH * OW)
    return cupy().take_along_axis(x.reshape(N, C, H * W), flat, 2).reshape(places.shape)
