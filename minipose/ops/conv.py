"""Convolution and transposed convolution: three operations that are each other's derivatives.

All three come from one trilinear form (s: stride, d: dilation, p: padding)

    T(x, w, g) = sum over n f c i j a b of  g[n,f,i,j] * w[f,c,a,b] * x[n,c, i*s+a*d-p, j*s+b*d-p]

`Conv2d` is its derivative by g, `Conv2dInputGrad` (the transposed convolution) by x, `Conv2dWeightGrad` by w. T is
linear in each argument, so the derivatives of each of the three are the other two: no further kernel is needed for
transposed convolution, nor for derivatives of any order.
"""

from __future__ import annotations

from minipose.autograd import Function
from minipose.kernels import Array, kernels_of
from minipose.kernels.reference import conv_output_size
from minipose.ops.checks import Pair, check_image, check_per_channel, check_tensor, is_integer, letters, pair
from minipose.tensor import Tensor


class Conv2d(Function):
    """dT/dg. Backward: grad_x = dT/dx at (w, grad), grad_w = dT/dw at (x, grad)."""

    name = "conv2d"

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


def _check(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, weight_names: str) -> None:
    """Check what conv2d and conv_transpose2d share; in `weight_names` F are the output channels and C the input's."""
    check_image(name, input)
    check_tensor(name, "weight", weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"{name}: weight must be {weight_names} with no empty axis, not shape {weight.shape}")
    if weight.dtype != input.dtype:
        raise TypeError(f"{name}: input is {input.dtype} but weight is {weight.dtype}; convert one with .to()")
    if not is_integer(groups) or groups < 1:
        raise ValueError(f"{name}: groups must be a positive integer, not {groups!r}")
    transposed = weight_names.startswith("C")
    C = weight.shape[0] if transposed else weight.shape[1] * groups
    F = weight.shape[1] * groups if transposed else weight.shape[0]
    if input.shape[1] != C:
        raise ValueError(
            f"{name}: input has {input.shape[1]} channels ({letters(input.shape, 'N C H W')}) but weight expects {C} "
            f"({letters(weight.shape, weight_names)}, groups={groups})"
        )
    if C % groups or F % groups:
        raise ValueError(f"{name}: groups={groups} must divide the {C} input and the {F} output channels")
    if bias is not None:
        check_per_channel(name, "bias", bias, F, input, "F")


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
    input : (N, C, H, W)
    weight : (F, C / groups, KH, KW)
    bias : (F,), optional
    stride, padding, dilation : int or (vertical, horizontal), in pixels; padding adds zeros on both sides
    groups : int
        The channels are split into this many parts that do not see each other.

    Returns
    -------
    (N, F, OH, OW) with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or options do not fit, or the kernel is larger than the padded image.
    NotImplementedError
        For the paddings 'same' and 'valid'.
    """
    _check("conv2d", input, weight, bias, groups, "F C KH KW")
    if isinstance(padding, str):
        raise NotImplementedError(f"conv2d: padding={padding!r} is not done yet; give the number of pixels")
    geometry = {
        "stride": pair("conv2d", "stride", stride, 1),
        "padding": pair("conv2d", "padding", padding, 0),
        "dilation": pair("conv2d", "dilation", dilation, 1),
    }
    if min(conv_output_size(input.shape[2:], weight.shape[2:], **geometry)) < 1:
        raise ValueError(
            f"conv2d: the kernel ({letters(weight.shape, 'F C KH KW')}, dilation={dilation}) is larger than the "
            f"padded image ({letters(input.shape, 'N C H W')}, padding={padding})"
        )
    y = Conv2d.apply(input, weight, groups=int(groups), **geometry)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


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
    input : (N, C, H, W)
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
    (N, F, OH, OW) with OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or options do not fit.
    """
    name = "conv_transpose2d"
    _check(name, input, weight, bias, groups, "C F KH KW")
    stride, padding = pair(name, "stride", stride, 1), pair(name, "padding", padding, 0)
    dilation, more = pair(name, "dilation", dilation, 1), pair(name, "output_padding", output_padding, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{name}: output_padding={output_padding} must be smaller than stride={stride} or dilation={dilation}"
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + m + 1
        for n, s, p, d, k, m in zip(input.shape[2:], stride, padding, dilation, weight.shape[2:], more, strict=True)
    )
    if min(size) < 1 or 0 in input.shape[2:]:
        raise ValueError(
            f"{name}: the result would be {size[0]} x {size[1]} pixels (input {letters(input.shape, 'N C H W')}, "
            f"kernel {tuple(weight.shape[2:])}, stride={stride}, padding={padding})"
        )
    y = Conv2dInputGrad.apply(
        input, weight, size=size, stride=stride, padding=padding, dilation=dilation, groups=int(groups)
    )
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)
