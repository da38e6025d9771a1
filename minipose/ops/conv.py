"""Convolution and transposed convolution: three operations that are each other's derivatives.

All three come from one trilinear form (s: stride, d: dilation, p: padding)

    T(x, w, g) = sum over n f c i j a b of  g[n,f,i,j] * w[f,c,a,b] * x[n,c, i*s+a*d-p, j*s+b*d-p]

`Conv2d` is its derivative by g, `Conv2dInputGrad` (the transposed convolution) by x, `Conv2dWeightGrad` by w. T is
linear in each argument, so the derivatives of each of the three are the other two: no further kernel is needed for
transposed convolution, nor for derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Sequence

from minipose.autograd import Function
from minipose.checks import Pair, check_choice, check_memory, is_integer, letters, pair
from minipose.kernels import Array, kernels_of
from minipose.kernels.reference import conv_output_size
from minipose.ops.checks import check_float_tensor, check_per_channel, check_tensor
from minipose.ops.pad import pad
from minipose.tensor import Tensor


class Conv2d(Function):
    """dT/dg. Backward: grad_x = dT/dx at (w, grad), grad_w = dT/dw at (x, grad)."""

    name = "conv2d"
    fresh_gradients = True

    def forward(self, x: Array, weight: Array, **geometry: Pair | int) -> Array:
        self.geometry = geometry
        self.save_inputs(0, 1)
        return kernels_of(x).conv2d(x, weight, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_inputs
        return (
            Conv2dInputGrad.apply(grad, weight, size=x.shape[2:], **self.geometry) if wanted[0] else None,
            Conv2dWeightGrad.apply(x, grad, kernel=weight.shape[2:], **self.geometry) if wanted[1] else None,
        )


class Conv2dInputGrad(Function):
    """dT/dx at (g, w). Backward, for an upstream gradient u in the shape of x: dT/dg at (u, w), dT/dw at (u, g)."""

    name = "conv_transpose2d"
    fresh_gradients = True

    def forward(self, g: Array, weight: Array, size: Pair, **geometry: Pair | int) -> Array:
        self.geometry = geometry
        self.save_inputs(0, 1)
        return kernels_of(g).conv2d_input_grad(g, weight, size=size, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        g, weight = self.saved_inputs
        return (
            _crop(Conv2d.apply(grad, weight, **self.geometry), g) if wanted[0] else None,
            Conv2dWeightGrad.apply(grad, g, kernel=weight.shape[2:], **self.geometry) if wanted[1] else None,
        )


class Conv2dWeightGrad(Function):
    """dT/dw at (x, g). Backward, for an upstream gradient u in the shape of w: dT/dx at (g, u), dT/dg at (x, u)."""

    name = "conv2d_weight_grad"
    fresh_gradients = True

    def forward(self, x: Array, g: Array, kernel: Pair, **geometry: Pair | int) -> Array:
        self.geometry = geometry
        self.save_inputs(0, 1)
        return kernels_of(x).conv2d_weight_grad(x, g, kernel=kernel, **geometry)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        x, g = self.saved_inputs
        return (
            Conv2dInputGrad.apply(g, grad, size=x.shape[2:], **self.geometry) if wanted[0] else None,
            _crop(Conv2d.apply(x, grad, **self.geometry), g) if wanted[1] else None,
        )


def _crop(y: Tensor, like: Tensor) -> Tensor:
    # With output_padding >= stride the transposed convolution's result has room for more windows than its input has.
    return y if y.shape == like.shape else y[:, :, : like.shape[2], : like.shape[3]]


def _letters(input: Tensor, axes: int) -> str:
    """Return the shape of a batch, or of a single image or line, in letters."""
    names = ("N C H W" if axes == 2 else "N C L").split()
    return letters(input.shape, " ".join(names[-input.ndim :]))


def _check(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, weight_names: str) -> None:
    """Check what all convolutions share; in `weight_names` F are the output channels and C the input's."""
    check_float_tensor(name, "input", input)
    count = len(weight_names.split())
    if input.ndim not in (count, count - 1):
        shapes = "N C H W or C H W" if count == 4 else "N C L or C L"
        raise ValueError(f"{name}: input must be {shapes}, not of shape {input.shape}")
    check_tensor(name, "weight", weight)
    size = weight.shape
    if len(size) != count or 0 in size:
        raise ValueError(f"{name}: weight must be {weight_names} with no empty axis, not shape {size}")
    if weight.dtype != input.dtype:
        raise TypeError(f"{name}: input is {input.dtype} but weight is {weight.dtype}; convert one with .to()")
    if weight.device != input.device:
        raise ValueError(f"{name}: weight is on {weight.device!r} but input on {input.device!r}; move one with .to()")
    if not is_integer(groups) or groups < 1:
        raise ValueError(f"{name}: groups must be a positive integer, not {groups!r}")
    C, F = (size[0], size[1] * groups) if weight_names.startswith("C") else (size[1] * groups, size[0])
    channels = input.shape[1 - count]
    if channels != C:
        raise ValueError(
            f"{name}: input has {channels} channels ({_letters(input, count - 2)}) but weight expects {C} "
            f"({letters(size, weight_names)}, groups={groups})"
        )
    if C % groups or F % groups:
        raise ValueError(f"{name}: groups={groups} must divide the {C} input and the {F} output channels")
    if 0 in input.shape[2 - count :] and input.shape[0] != 0:
        raise ValueError(f"{name}: input has no pixels ({_letters(input, count - 2)})")
    if bias is not None:
        check_per_channel(name, "bias", bias, F, input, "F")


def per_axis(name: str, argument: str, value: int | Sequence[int], least: int, axes: int = 2) -> Pair:
    """Return `value` as (vertical, horizontal); along a line the vertical one is `least`, which changes nothing."""
    if axes == 1:
        value = value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value
        if not is_integer(value) or value < least:
            raise ValueError(f"{name}: {argument} must be an integer of at least {least}, not {value!r}")
        value = (least, value)
    return pair(name, argument, value, least)


def _batch(input: Tensor, axes: int) -> Tensor:
    """Return the input as N C H W: a single one as a batch of one, a line as an image one pixel high."""
    x = input.unsqueeze(-2) if axes == 1 else input
    return x if x.ndim == 4 else x.unsqueeze(0)


def _unbatch(y: Tensor, like: Tensor, axes: int) -> Tensor:
    """Undo `_batch`."""
    y = y if like.ndim == axes + 2 else y.squeeze(0)
    return y.squeeze(-2) if axes == 1 else y


def _conv(
    name: str,
    weight_names: str,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> Tensor:
    """Correlate lines or images, whichever `weight_names` has axes for."""
    _check(name, input, weight, bias, groups, weight_names)
    axes = weight.ndim - 2
    x, w = _batch(input, axes), weight.unsqueeze(-2) if axes == 1 else weight
    steps = per_axis(name, "stride", stride, 1, axes)
    spacing = per_axis(name, "dilation", dilation, 1, axes)
    if isinstance(padding, str):
        check_choice(name, "padding", padding, ("same", "valid"))
        if padding == "same" and steps != (1, 1):
            raise ValueError(f"{name}: padding='same' needs a stride of 1, not {stride}")
        total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(spacing, w.shape[2:], strict=True)]
        # Where it cannot be the same on both sides, the right and the bottom get one more.
        if total[0] % 2 or total[1] % 2:
            x = pad(x, (0, total[1] % 2, 0, total[0] % 2))
        margin = total[0] // 2, total[1] // 2
    else:
        margin = per_axis(name, "padding", padding, 0, axes)
    size = conv_output_size(x.shape[2:], w.shape[2:], steps, margin, spacing)
    if min(size) < 1:
        raise ValueError(
            f"{name}: the kernel ({letters(weight.shape, weight_names)}, dilation={dilation}) is larger than the "
            f"padded input ({_letters(input, axes)}, padding={padding})"
        )
    check_memory(name, "padded input", x.shape, margin)
    check_memory(name, "result", (x.shape[0], w.shape[0], *size))
    y = Conv2d.apply(x, w, stride=steps, padding=margin, dilation=spacing, groups=int(groups))
    return _unbatch(y if bias is None else y + bias.reshape(1, -1, 1, 1), input, axes)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int] = 1,
    padding: int | tuple[int] | str = 0,
    dilation: int | tuple[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate the lines of `input` with `weight` and add `bias`, as `torch.nn.functional.conv1d`.

    Parameters
    ----------
    input : (N, C, L) or (C, L)
    weight : (F, C / groups, K)
    bias : (F,), optional
    stride, padding, dilation, groups : as for `conv2d`

    Returns
    -------
    (N, F, OL) or (F, OL) with OL = floor((L + 2 padding - dilation (K - 1) - 1) / stride) + 1

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.
    """
    return _conv("conv1d", "F C K", input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate `input` with `weight` and add `bias`, as `torch.nn.functional.conv2d`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    weight : (F, C / groups, KH, KW)
    bias : (F,), optional
    stride, dilation : int or (vertical, horizontal), in pixels
    padding : int, (vertical, horizontal), "valid" or "same"
        How many zeros to add on each side: with "valid" none; with "same", for a stride of 1, as many as keep the
        size, the odd one of an even kernel at the bottom or on the right.
    groups : int
        The channels are split into this many parts that do not see each other.

    Returns
    -------
    (N, F, OH, OW) or (F, OH, OW) with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or options do not fit, or the kernel is larger than the padded image.
    """
    return _conv("conv2d", "F C KH KW", input, weight, bias, stride, padding, dilation, groups)


def transposed_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return the smallest (H, W) that a convolution makes an image of `size` of."""
    return tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    groups: int = 1,
    dilation: int | Pair = 1,
) -> Tensor:
    """Transposed convolution, as `torch.nn.functional.conv_transpose2d`: the gradient of `conv2d` by its input.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    weight : (C, F / groups, KH, KW)
    bias : (F,), optional
    stride, dilation : int or (vertical, horizontal), in pixels of the result
    padding : int or (vertical, horizontal)
        How many pixels are cut from each side of the result.
    output_padding : int or (vertical, horizontal)
        Rows and columns that the result has more, at the bottom and on the right. A strided convolution maps several
        sizes to one; this says which of them to return to.
    groups : int

    Returns
    -------
    (N, F, OH, OW) or (F, OH, OW) with OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or options do not fit.
    """
    name = "conv_transpose2d"
    _check(name, input, weight, bias, groups, "C F KH KW")
    steps, margin = per_axis(name, "stride", stride, 1), per_axis(name, "padding", padding, 0)
    spacing, more = per_axis(name, "dilation", dilation, 1), per_axis(name, "output_padding", output_padding, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, steps, spacing, strict=True)):
        raise ValueError(
            f"{name}: output_padding={output_padding} must be smaller than stride={stride} or dilation={dilation}"
        )
    smallest = transposed_size(input.shape[-2:], weight.shape[2:], steps, margin, spacing)
    size = smallest[0] + more[0], smallest[1] + more[1]
    if min(size) < 1:
        raise ValueError(
            f"{name}: the result would be {size[0]} x {size[1]} pixels (input {_letters(input, 2)}, "
            f"kernel {tuple(weight.shape[2:])}, stride={stride}, padding={padding})"
        )
    x = _batch(input, 2)
    check_memory(name, "result", (x.shape[0], weight.shape[1] * groups, *size), margin)
    y = Conv2dInputGrad.apply(
        x, weight, size=size, stride=steps, padding=margin, dilation=spacing, groups=int(groups)
    )
    return _unbatch(y if bias is None else y + bias.reshape(1, -1, 1, 1), input, 2)
