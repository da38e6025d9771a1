"""Pooling."""

from __future__ import annotations

import numpy as np

from minipose.kernels.reference.conv import Pair, taps


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
