"""Cutting images into blocks that may overlap, and adding such blocks up to images."""

from __future__ import annotations

from minipose.autograd import Function
from minipose.checks import Pair, check_memory, letters
from minipose.kernels import Array, array_module
from minipose.kernels.reference import conv_output_size, taps
from minipose.ops.checks import check_float_tensor
from minipose.ops.conv import per_axis
from minipose.tensor import Tensor


class Unfold(Function):
    """result[n, (c, a, b), (i, j)] = x[n, c, i*s + a*d - p, j*s + b*d - p]: linear, and `Fold` is its adjoint."""

    name = "unfold"

    def forward(self, x: Array, size: Pair, **geometry: Pair) -> Array:
        self.options = {"size": size, **geometry}
        N, C, H, W = x.shape
        (KH, KW), (ph, pw) = geometry["kernel"], geometry["padding"]
        OH, OW = conv_output_size(size, **geometry)
        padded = array_module(x).zeros((N, C, H + 2 * ph, W + 2 * pw), x.dtype)
        padded[..., ph : ph + H, pw : pw + W] = x
        blocks = array_module(x).empty((N, C, KH, KW, OH, OW), x.dtype)
        for a, b, window in taps((KH, KW), (OH, OW), geometry["stride"], geometry["dilation"]):
            blocks[:, :, a, b] = padded[window]
        return blocks.reshape(N, C * KH * KW, OH * OW)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (Fold.apply(grad, **self.options),)


class Fold(Function):
    """Add every entry of a block to the pixel of an image of `size` that `Unfold` takes it from: its adjoint."""

    name = "fold"

    def forward(self, x: Array, size: Pair, **geometry: Pair) -> Array:
        self.options = {"size": size, **geometry}
        (H, W), (KH, KW), (ph, pw) = size, geometry["kernel"], geometry["padding"]
        OH, OW = conv_output_size(size, **geometry)
        N, C = x.shape[0], x.shape[1] // (KH * KW)
        blocks = x.reshape(N, C, KH, KW, OH, OW)
        padded = array_module(x).zeros((N, C, H + 2 * ph, W + 2 * pw), x.dtype)
        for a, b, window in taps((KH, KW), (OH, OW), geometry["stride"], geometry["dilation"]):
            padded[window] += blocks[:, :, a, b]
        return padded[..., ph : ph + H, pw : pw + W]

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (Unfold.apply(grad, **self.options),)


def _geometry(
    name: str, kernel_size: int | Pair, dilation: int | Pair, padding: int | Pair, stride: int | Pair
) -> dict[str, Pair]:
    return {
        "kernel": per_axis(name, "kernel_size", kernel_size, 1),
        "dilation": per_axis(name, "dilation", dilation, 1),
        "padding": per_axis(name, "padding", padding, 0),
        "stride": per_axis(name, "stride", stride, 1),
    }


def _check(name: str, input: Tensor, shapes: str, alone: str) -> None:
    """Raise unless `input` has the axes `shapes`, or without a batch `alone`, and none but that of the batch empty."""
    check_float_tensor(name, "input", input)
    count = len(alone.split())
    if input.ndim not in (count, count + 1) or 0 in input.shape[-count:]:
        raise ValueError(
            f"{name}: input must be {shapes} or {alone} with no empty axis but N, not of shape {input.shape}"
        )


def unfold(
    input: Tensor,
    kernel_size: int | Pair,
    dilation: int | Pair = 1,
    padding: int | Pair = 0,
    stride: int | Pair = 1,
) -> Tensor:
    """Cut images into blocks, each a column of the result, as `torch.nn.functional.unfold` (im2col).

    A convolution is then a matrix product: `weight.reshape(F, -1) @ unfold(input, kernel_size)`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size : int or (vertical, horizontal), the size of a block in pixels
    dilation : distance between the pixels of a block
    padding : how many zeros to add on each side
    stride : distance between the blocks

    Returns
    -------
    (N, C KH KW, OH OW) or (C KH KW, OH OW), with OH and OW as a convolution's

    Raises
    ------
    ValueError, TypeError
        If shape, dtype or options do not fit, or a block is larger than the padded image.
    """
    _check("unfold", input, "N C H W", "C H W")
    geometry = _geometry("unfold", kernel_size, dilation, padding, stride)
    x = input if input.ndim == 4 else input.unsqueeze(0)
    size, (KH, KW) = x.shape[2:], geometry["kernel"]
    OH, OW = conv_output_size(size, **geometry)
    if min(OH, OW) < 1:
        raise ValueError(
            f"unfold: kernel_size={kernel_size} with dilation={dilation} is larger than the padded image "
            f"({letters(x.shape[1:], 'C H W')}, padding={padding})"
        )
    check_memory("unfold", "padded image", x.shape, geometry["padding"])
    check_memory("unfold", "result", (*x.shape[:2], KH, KW, OH, OW))
    y = Unfold.apply(x, size=size, **geometry)
    return y if input.ndim == 4 else y.squeeze(0)


def fold(
    input: Tensor,
    output_size: int | Pair,
    kernel_size: int | Pair,
    dilation: int | Pair = 1,
    padding: int | Pair = 0,
    stride: int | Pair = 1,
) -> Tensor:
    """Put blocks back in their places in an image and add where they overlap, as `torch.nn.functional.fold` (col2im).

    It is the adjoint of `unfold`, not its inverse: a pixel that lies in k blocks comes back k-fold.

    Parameters
    ----------
    input : (N, C KH KW, OH OW) or (C KH KW, OH OW), with OH and OW as `unfold` makes of an image of output_size
    output_size : int or (H, W), in pixels
    kernel_size, dilation, padding, stride : as for `unfold`

    Returns
    -------
    (N, C, H, W) or (C, H, W)

    Raises
    ------
    ValueError, TypeError
        If shape, dtype or options do not fit.
    """
    _check("fold", input, "N CK L", "CK L")
    geometry = _geometry("fold", kernel_size, dilation, padding, stride)
    size, (KH, KW) = per_axis("fold", "output_size", output_size, 1), geometry["kernel"]
    OH, OW = conv_output_size(size, **geometry)
    CK, L = input.shape[-2:]
    if CK % (KH * KW):
        raise ValueError(
            f"fold: input {input.shape} has {CK} entries in a block, which is not a multiple of "
            f"kernel_size {KH} x {KW} = {KH * KW}"
        )
    if min(OH, OW) < 1 or OH * OW != L:
        raise ValueError(
            f"fold: input {input.shape} has {L} blocks, but an image of output_size={size} has {max(OH, 0)} x "
            f"{max(OW, 0)} (kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride})"
        )
    x = input if input.ndim == 3 else input.unsqueeze(0)
    check_memory("fold", "padded image", (x.shape[0], CK // (KH * KW), *size), geometry["padding"])
    y = Fold.apply(x, size=size, **geometry)
    return y if input.ndim == 3 else y.squeeze(0)
