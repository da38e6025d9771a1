"""Pooling."""

from __future__ import annotations

from minipose.autograd import Function
from minipose.kernels import Array, kernels_of
from minipose.ops.checks import Pair, check_image, letters, pair
from minipose.tensor import Tensor


class MaxPool2d(Function):
    """Each window hands its gradient to the pixel that won; where windows overlap, gradients add."""

    name = "max_pool2d"

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


def max_pool2d(
    input: Tensor,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Return the largest value of each window, as `torch.nn.functional.max_pool2d`.

    Parameters
    ----------
    input : (N, C, H, W)
    kernel_size : int or (vertical, horizontal), in pixels
    stride : default: kernel_size
    padding : at most half of kernel_size; padding never wins
    dilation : distance between the pixels of a window
    ceil_mode : bool
        Also keep a last window that hangs over the edge. Default False.

    Returns
    -------
    (N, C, OH, OW) with OH = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1

    Raises
    ------
    ValueError, TypeError
        If shapes or options do not fit.
    NotImplementedError
        For return_indices=True.
    """
    name = "max_pool2d"
    check_image(name, input)
    if return_indices:
        raise NotImplementedError(f"{name}: return_indices=True is not done yet")
    kernel = pair(name, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else pair(name, "stride", stride, 1)
    padding, dilation = pair(name, "padding", padding, 0), pair(name, "dilation", dilation, 1)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"{name}: padding={padding} must be at most half of kernel_size={kernel}")
    size = []
    for n, k, s, p, d in zip(input.shape[2:], kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        length = -(-room // s) + 1 if ceil_mode else room // s + 1
        # A window that would start in the padding beyond the image sees no pixel.
        size.append(length - 1 if ceil_mode and (length - 1) * s >= n + p else length)
    if min(size) < 1 or 0 in input.shape[2:]:
        raise ValueError(
            f"{name}: kernel_size={kernel} with dilation={dilation} is larger than the padded image "
            f"({letters(input.shape, 'N C H W')}, padding={padding})"
        )
    for length, n, k, s, p, d in zip(size, input.shape[2:], kernel, stride, padding, dilation, strict=True):
        if not all(any(0 <= i * s + a * d - p < n for a in range(k)) for i in range(length)):
            raise ValueError(
                f"{name}: a window would lie in the padding alone ({letters(input.shape, 'N C H W')}, "
                f"kernel_size={kernel}, padding={padding}, dilation={dilation})"
            )
    return MaxPool2d.apply(
        input, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=tuple(size)
    )
