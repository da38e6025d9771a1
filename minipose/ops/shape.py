"""Operations that move entries without changing them.

None of them mixes axes behind your back: `reshape` keeps the row-major order of the entries and is not a transpose;
to exchange axes use `permute`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minipose.autograd import Function
from minipose.checks import integers, normalise_dims, one_axis
from minipose.kernels import Array, array_module
from minipose.ops.checks import as_tensor
from minipose.tensor import Tensor


class Reshape(Function):
    """The gradient takes the old shape back."""

    name = "reshape"

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.shape = x.shape
        return x.reshape(shape)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.reshape(self.shape),)


class Permute(Function):
    """Axis i of the result is axis dims[i] of the input; the gradient goes through the inverse permutation."""

    name = "permute"

    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.inverse = tuple(dims.index(i) for i in range(len(dims)))
        return x.transpose(dims)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad.permute(self.inverse),)


class Expand(Function):
    """Repeat axes of length 1 without copying; the engine sums the gradient back over them."""

    name = "expand"

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        return array_module(x).broadcast_to(x, shape)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (grad,)


def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Return the same entries, in row-major order, in another shape; one length may be -1.

    This is not a transpose: to turn N H W C into N C H W use `permute(0, 3, 1, 2)`.

    Raises
    ------
    ValueError
        If the number of entries would change.
    """
    input, target = as_tensor("reshape", input), integers("reshape", shape)
    known = math.prod(n for n in target if n != -1)
    if target.count(-1) == 1 and known and input.numel() % known == 0:
        target = tuple(input.numel() // known if n == -1 else n for n in target)
    if any(n < 0 for n in target) or math.prod(target) != input.numel():
        raise ValueError(f"reshape: {input.shape} has {input.numel()} entries, which do not fill {tuple(shape)}")
    return Reshape.apply(input, shape=target)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the tensor with axes start_dim..end_dim merged into one."""
    input = as_tensor("flatten", input)
    if input.ndim == 0:
        return reshape(input, 1)
    start, end = (one_axis("flatten", d, input.ndim) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    merged = math.prod(input.shape[start : end + 1])
    return reshape(input, *input.shape[:start], merged, *input.shape[end + 1 :])


def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return a view whose axis i is the input's axis dims[i].

    Raises
    ------
    ValueError
        If `dims` does not name every axis once.
    """
    input, order = as_tensor("permute", input), integers("permute", dims)
    if len(order) != input.ndim or len(normalise_dims("permute", order, input.ndim)) != input.ndim:
        raise ValueError(f"permute: {order} must name each of the {input.ndim} axes once")
    return Permute.apply(input, dims=tuple(d % input.ndim for d in order))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two axes exchanged."""
    input = as_tensor("transpose", input)
    a, b = (one_axis("transpose", d, input.ndim) for d in (dim0, dim1))
    order = list(range(input.ndim))
    if order:
        order[a], order[b] = b, a
    return permute(input, order)


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return the tensor without its axes of length 1, or without those of `dim` that have length 1."""
    input = as_tensor("squeeze", input)
    axes = normalise_dims("squeeze", dim, max(input.ndim, 1))
    return reshape(input, [n for i, n in enumerate(input.shape) if not (i in axes and n == 1)])


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return the tensor with an axis of length 1 put before axis `dim`; -1 puts it last."""
    input = as_tensor("unsqueeze", input)
    axis = one_axis("unsqueeze", dim, input.ndim + 1)
    return reshape(input, *input.shape[:axis], 1, *input.shape[axis:])


def expand(input: Tensor, *sizes: int | Sequence[int]) -> Tensor:
    """Return a view with axes of length 1 repeated to `sizes`; -1 keeps a length, and new axes may come first.

    Raises
    ------
    ValueError
        If an axis that is not of length 1 would change.
    """
    input, target = as_tensor("expand", input), integers("expand", sizes)
    extra = len(target) - input.ndim
    if extra >= 0:
        target = tuple(
            input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(target)
        )
    if extra < 0 or any(n < 0 for n in target) or any(
        n not in (1, m) for n, m in zip(input.shape, target[extra:], strict=True)
    ):
        raise ValueError(f"expand: {input.shape} cannot be repeated to {tuple(sizes)}")
    if math.prod(target) >= 2**62:  # though it takes no memory
        raise ValueError(f"expand: the result would have shape {target}, which is too large")
    return Expand.apply(input, shape=target)


def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Return a view of `shape`, as `expand`."""
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"broadcast_to: shape must be a tuple of integers, not {shape!r}")
    input, target = as_tensor("broadcast_to", input), integers("broadcast_to", (shape,))
    extra = len(target) - input.ndim
    if extra < 0 or any(n != -1 and m not in (1, n) for n, m in zip(target[extra:], input.shape, strict=True)):
        raise ValueError(f"broadcast_to: {input.shape} cannot be repeated to {target}")
    if math.prod(target) >= 2**62:
        raise ValueError(f"broadcast_to: the result would have shape {target}, which is too large")
    return expand(input, target)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return a view with the axes `source` moved to the places `destination`, the others in their old order.

    Raises
    ------
    ValueError
        If there are not as many places as axes, or one is out of range or named twice.
    """
    input = as_tensor("movedim", input)
    both = [tuple(d) if isinstance(d, (tuple, list)) else (d,) for d in (source, destination)]
    if len(both[0]) != len(both[1]):
        raise ValueError(f"movedim: source {source} and destination {destination} must name as many axes")
    for dims in both:
        normalise_dims("movedim", dims, max(input.ndim, 1))
    if input.ndim == 0:
        return permute(input, ())
    sources, places = ([int(d) % input.ndim for d in dims] for dims in both)
    order = [axis for axis in range(input.ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return permute(input, order)
