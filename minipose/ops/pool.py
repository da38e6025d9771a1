"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minipose.autograd import Function
from minipose.checks import Pair, check_flag, check_integer, check_memory, is_integer, letters, pair
from minipose.kernels import Array, array_module, kernels_of, to_device
from minipose.ops.checks import check_float_tensor
from minipose.ops.index import gather
from minipose.ops.matmul import matmul
from minipose.tensor import Tensor


class MaxPool2d(Function):
    """Each window hands its gradient to the pixel that won; where windows overlap, gradients add."""

    name = "max_pool2d"
    fresh_gradients = True

    def forward(self, x: Array, **geometry: Pair) -> Array:
        y, places = kernels_of(x).max_pool2d(x, **geometry)
        self.save(places)
        self.geometry = {**geometry, "size": x.shape[2:]}
        return y

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (MaxPool2dGrad.apply(grad, places=self.saved[0], **self.geometry),)


class MaxPool2dGrad(Function):
    """Add grad at the places of the winners: linear in grad, and its adjoint reads the same places."""

    name = "max_pool2d_grad"

    def forward(self, grad: Array, places: Array, **geometry: Pair) -> Array:
        self.geometry = geometry
        self.save(places)
        return kernels_of(grad).max_pool2d_grad(grad, places, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (TakePixels.apply(grad, places=self.saved[0], geometry=self.geometry),)


class TakePixels(Function):
    """Read the pixels at `places`; the adjoint of MaxPool2dGrad."""

    name = "take_pixels"

    def forward(self, x: Array, places: Array, geometry: dict[str, Pair]) -> Array:
        self.geometry = geometry
        self.save(places)
        return kernels_of(x).take_pixels(x, places)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (MaxPool2dGrad.apply(grad, places=self.saved[0], **self.geometry),)


class AvgPool2d(Function):
    """y = share times the sum of each window of the image padded with zeros: linear, `AvgPool2dGrad` is its adjoint."""

    name = "avg_pool2d"
    fresh_gradients = True

    def forward(self, x: Array, share: Array, **geometry: Pair) -> Array:
        self.options = {"share": share, "size": x.shape[2:], **geometry}
        return kernels_of(x).avg_pool2d(x, share, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (AvgPool2dGrad.apply(grad, **self.options),)


class AvgPool2dGrad(Function):
    """Add share * grad to every pixel of each window; where windows overlap, shares add."""

    name = "avg_pool2d_grad"

    def forward(self, grad: Array, share: Array, size: Pair, **geometry: Pair) -> Array:
        self.options = {"share": share, **geometry}
        return kernels_of(grad).avg_pool2d_grad(grad, share, size, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (AvgPool2d.apply(grad, **self.options),)


def _image(name: str, input: Tensor) -> Tensor:
    """Return the input as N C H W; a single image becomes a batch of one."""
    check_float_tensor(name, "input", input)
    if input.ndim not in (3, 4):
        raise ValueError(f"{name}: input must be N C H W or C H W, not of shape {input.shape}")
    return input if input.ndim == 4 else input.unsqueeze(0)


def _like(result: Tensor, input: Tensor) -> Tensor:
    return result if input.ndim == 4 else result.squeeze(0)


def _output_size(
    name: str, x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    """Return (OH, OW).

    Raises
    ------
    ValueError
        If there is no window, or the padding is more than half of one.
    """
    check_flag(name, "ceil_mode", ceil_mode)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"{name}: padding={padding} must be at most half of kernel_size={kernel}")
    size = []
    for n, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        length = -(-room // s) + 1 if ceil_mode else room // s + 1
        # A window that would start in the padding beyond the image sees no pixel.
        size.append(length - 1 if ceil_mode and (length - 1) * s >= n + p else length)
    if min(size) < 1 or 0 in x.shape[2:]:
        raise ValueError(
            f"{name}: kernel_size={kernel} with dilation={dilation} is larger than the padded image "
            f"({letters(x.shape, 'N C H W')}, padding={padding})"
        )
    return size[0], size[1]


def max_pool2d(
    input: Tensor,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest value of each window, as `torch.nn.functional.max_pool2d`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size : int or (vertical, horizontal), in pixels
    stride : default: kernel_size
    padding : at most half of kernel_size; padding never wins
    dilation : distance between the pixels of a window
    ceil_mode : bool
        Also keep a last window that hangs over the edge. Default False.
    return_indices : bool
        Return also the place h * W + w of each window's winner, the first of equal ones. Default False.

    Returns
    -------
    (N, C, OH, OW) or (C, OH, OW) with OH = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1

    Raises
    ------
    ValueError, TypeError
        If shapes or options do not fit.
    """
    name = "max_pool2d"
    x = _image(name, input)
    check_flag(name, "return_indices", return_indices)
    kernel = pair(name, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else pair(name, "stride", stride, 1)
    padding, dilation = pair(name, "padding", padding, 0), pair(name, "dilation", dilation, 1)
    size = _output_size(name, x, kernel, stride, padding, dilation, ceil_mode)
    for length, n, k, s, p, d in zip(size, x.shape[2:], kernel, stride, padding, dilation, strict=True):
        if not all(any(0 <= i * s + a * d - p < n for a in range(k)) for i in range(length)):
            raise ValueError(
                f"{name}: a window would lie in the padding alone ({letters(x.shape, 'N C H W')}, "
                f"kernel_size={kernel}, padding={padding}, dilation={dilation})"
            )
    geometry = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "size": size}
    if not return_indices:
        return _like(MaxPool2d.apply(x, **geometry), input)
    _, places = kernels_of(x.data).max_pool2d(x.data, **geometry)
    values = TakePixels.apply(x, places=places, geometry={**geometry, "size": x.shape[2:]})
    return _like(values, input), _like(Tensor(places), input)


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of each window, as `torch.nn.functional.avg_pool2d`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size : int or (vertical, horizontal), in pixels
    stride : default: kernel_size
    padding : zeros on each side, at most half of kernel_size
    ceil_mode : bool
        Also keep a last window that hangs over the edge; what lies beyond the padding does not count. Default False.
    count_include_pad : bool
        Whether the zeros of the padding count in the average. Default True.
    divisor_override : int, optional
        What each sum is divided by instead.

    Returns
    -------
    (N, C, OH, OW) or (C, OH, OW), as `max_pool2d`

    Raises
    ------
    ValueError, TypeError
        If shapes or options do not fit.
    """
    name = "avg_pool2d"
    x = _image(name, input)
    kernel = pair(name, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else pair(name, "stride", stride, 1)
    padding = pair(name, "padding", padding, 0)
    check_flag(name, "count_include_pad", count_include_pad)
    if divisor_override is not None:
        check_integer(name, "divisor_override", divisor_override)
        if divisor_override == 0:
            raise ValueError(f"{name}: divisor_override must not be 0")
    size = _output_size(name, x, kernel, stride, padding, (1, 1), ceil_mode)
    counts = []
    for o, n, k, s, p in zip(size, x.shape[2:], kernel, stride, padding, strict=True):
        begin = np.arange(o) * s - p
        low, high = (-p, n + p) if count_include_pad else (0, n)
        counts.append((begin + k).clip(None, high) - begin.clip(low, None))
    count = counts[0][:, None] * counts[1] if divisor_override is None else np.full(size, divisor_override)
    share = to_device((1 / count).astype(x.dtype), x.device)
    return _like(AvgPool2d.apply(x, share=share, kernel=kernel, stride=stride, padding=padding), input)


def adaptive_sizes(name: str, output_size: Any) -> tuple[int | None, int | None]:
    """Return `output_size` as (OH, OW), where None stands for the input's.

    Raises
    ------
    ValueError
        If it is neither one positive integer nor two of them or None.
    """
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * 2
    known = len(sizes) == 2 and all(n is None or (is_integer(n) and n >= 1) for n in sizes)
    if not known or output_size is None:
        raise ValueError(f"{name}: output_size must be a positive integer, or two of them or None, not {output_size!r}")
    return sizes


def _adaptive_size(name: str, x: Tensor, output_size: int | Sequence[int | None]) -> Pair:
    sizes = adaptive_sizes(name, output_size)
    if 0 in x.shape[2:]:
        raise ValueError(f"{name}: input has no pixels ({letters(x.shape, 'N C H W')})")
    size = tuple(int(m) if m is not None else n for m, n in zip(sizes, x.shape[2:], strict=True))
    check_memory(name, "result", (*x.shape[:2], *size))
    return size


def _adaptive_windows(length: int, target: int) -> list[tuple[int, int]]:
    """Return for each of `target` outputs the pixels floor(i length / target) up to ceil((i + 1) length / target)."""
    return [(i * length // target, -(-(i + 1) * length // target)) for i in range(target)]


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Return the average of windows chosen so that the result has `output_size`, as torch's.

    Window i goes from pixel floor(i H / OH) up to, and without, ceil((i + 1) H / OH). The average of a rectangle is
    one along its rows of those along its columns, so this is two matrix products; and where the windows are all of one
    size, side by side, it is `avg_pool2d`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    output_size : int or (OH, OW), of which None keeps the input's

    Raises
    ------
    ValueError, TypeError
        If shapes or sizes do not fit.
    """
    x = _image("adaptive_avg_pool2d", input)
    size = _adaptive_size("adaptive_avg_pool2d", x, output_size)
    if all(n % m == 0 for n, m in zip(x.shape[2:], size, strict=True)):
        window = x.shape[2] // size[0], x.shape[3] // size[1]
        return avg_pool2d(input, window)
    matrices = []
    for length, target in zip(x.shape[2:], size, strict=True):
        matrix = np.zeros((target, length), x.dtype)
        for i, (begin, end) in enumerate(_adaptive_windows(length, target)):
            matrix[i, begin:end] = 1 / (end - begin)
        matrices.append(Tensor(to_device(matrix, x.device)))
    return _like(matmul(matmul(matrices[0], x), matrices[1].T), input)


def adaptive_max_pool2d(
    input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest value of windows chosen as in `adaptive_avg_pool2d`, as torch's.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    output_size : int or (OH, OW), of which None keeps the input's
    return_indices : bool
        Return also the place h * W + w of each window's winner. Default False.

    Raises
    ------
    ValueError, TypeError
        If shapes or sizes do not fit.
    """
    name = "adaptive_max_pool2d"
    x = _image(name, input)
    check_flag(name, "return_indices", return_indices)
    size = _adaptive_size(name, x, output_size)
    (H, W), module = x.shape[2:], array_module(x.data)
    places = module.empty((*x.shape[:2], *size), np.int64)
    for i, (top, bottom) in enumerate(_adaptive_windows(H, size[0])):
        for j, (left, right) in enumerate(_adaptive_windows(W, size[1])):
            window = x.data[:, :, top:bottom, left:right].reshape(*x.shape[:2], -1)
            place = window.argmax(axis=-1)
            places[:, :, i, j] = (top + place // (right - left)) * W + left + place % (right - left)
    flat = Tensor(places.reshape(*x.shape[:2], -1))
    values = _like(gather(x.reshape(*x.shape[:2], -1), 2, flat).reshape(places.shape), input)
    return (values, _like(Tensor(places), input)) if return_indices else values
