"""Pooling, one tap of the windows at a time."""

from __future__ import annotations

from minipose.kernels import Array, cupy
from minipose.kernels.cuda.fused import elementwise
from minipose.kernels.cuda.layout import padded
from minipose.kernels.reference import Pair, taps

_keep_larger = elementwise(
    "T value, bool inside, int64 begin, int64 offset",
    "T best, int64 places",
    """
    bool first = (places < 0) | (value > best) | ((value != value) & (best == best));
    bool better = inside & first;
    best = where(better, value, best);
    places = where(better, begin + offset, places);
    """,
    "minipose_keep_larger",
)  # fmt: skip
_add_where_won = elementwise(
    "T grad, int64 places, int64 begin, int64 offset",
    "T image",
    "image += where(places == begin + offset, grad, T(0));",
    "minipose_add_where_won",
)


def _padded(x: Array, padding: Pair, reach: Pair) -> Array:
    """Return x (N C H W) with zeros around it, at least `reach` pixels long."""
    return padded(x, padding, [max(n + 2 * p, r) for n, p, r in zip(x.shape[2:], padding, reach, strict=True)])


def _reach(kernel: Pair, stride: Pair, dilation: Pair, size: Pair) -> Pair:
    """Return how many padded pixels the windows span."""
    return tuple(
        s * (o - 1) + d * (k - 1) + 1 for k, s, d, o in zip(kernel, stride, dilation, size, strict=True)
    )


def _first_places(size: Pair, stride: Pair, padding: Pair, width: int) -> Array:
    """Return the place h * width + w that the first tap of each window meets, (OH, OW)."""
    rows, columns = (cupy().arange(o) * s - p for o, s, p in zip(size, stride, padding, strict=True))
    return rows[:, None] * width + columns


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[Array, Array]:
    """As `reference.max_pool2d`."""
    xp, W = cupy(), x.shape[3]
    reach = _reach(kernel, stride, dilation, size)
    values = _padded(x, padding, reach)
    inside = _padded(xp.ones((1, 1, *x.shape[2:]), bool), padding, reach)
    begin = _first_places(size, stride, padding, W)
    best = xp.zeros((*x.shape[:2], *size), x.dtype)
    places = xp.full(best.shape, -1, xp.int64)
    for a, b, window in taps(kernel, size, stride, dilation):
        _keep_larger(values[window], inside[window], begin, a * dilation[0] * W + b * dilation[1], best, places)
    return best, places


def max_pool2d_grad(
    grad: Array, places: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """As `reference.max_pool2d_grad`: a tap's pixels are distinct, so adding tap by tap needs no atomics."""
    N, C, OH, OW = grad.shape
    (H, W), (ph, pw) = size, padding
    reach = _reach(kernel, stride, dilation, (OH, OW))
    images = cupy().zeros((N, C, max(H + ph, reach[0]), max(W + pw, reach[1])), grad.dtype)
    begin = _first_places((OH, OW), stride, padding, W)
    for a, b, window in taps(kernel, (OH, OW), stride, dilation):
        # Beyond an edge this may be the place of another pixel; but what is added there is cut off with the padding.
        _add_where_won(grad, places, begin, a * dilation[0] * W + b * dilation[1], images[window])
    return images[:, :, ph : ph + H, pw : pw + W]


def avg_pool2d(x: Array, share: Array, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """As `reference.avg_pool2d`."""
    images = _padded(x, padding, _reach(kernel, stride, (1, 1), share.shape))
    total = cupy().zeros((*x.shape[:2], *share.shape), x.dtype)
    for _, _, window in taps(kernel, share.shape, stride, (1, 1)):
        total += images[window]
    return total * share


def avg_pool2d_grad(grad: Array, share: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """As `reference.avg_pool2d_grad`."""
    (N, C, OH, OW), (H, W), (ph, pw) = grad.shape, size, padding
    reach = _reach(kernel, stride, (1, 1), (OH, OW))
    images = cupy().zeros((N, C, max(H + ph, reach[0]), max(W + pw, reach[1])), grad.dtype)
    spread = grad * share
    for _, _, window in taps(kernel, (OH, OW), stride, (1, 1)):
        met = images[window]
        met += spread
    return images[:, :, ph : ph + H, pw : pw + W]


def take_pixels(x: Array, places: Array) -> Array:
    """As `reference.take_pixels`."""
    N, C, H, W = x.shape
    OH, OW = places.shape[2:]
    flat = places.reshape(N, C, OH * OW)
    return cupy().take_along_axis(x.reshape(N, C, H * W), flat, 2).reshape(places.shape)
