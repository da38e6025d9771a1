"""Matrix products, and the sums of products that `einsum` spells out in letters."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from minipose.autograd import Function
from minipose.kernels import Array, kernels_of
from minipose.ops.checks import as_tensor, check_per_channel, check_tensor
from minipose.tensor import Tensor


class Matmul(Function):
    """y = a @ b, over the last two axes. From dy = da b + a db follow grad_a = grad b^T and grad_b = a^T grad."""

    name = "matmul"

    def forward(self, a: Array, b: Array) -> Array:
        self.save_inputs(0, 1)
        return kernels_of(a).matmul(a, b)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        a, b = self.saved_inputs
        return (
            Matmul.apply(grad, b.transpose(-1, -2)) if wanted[0] else None,
            Matmul.apply(a.transpose(-1, -2), grad) if wanted[1] else None,
        )


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product of (..., M, K) and (..., K, N); a vector counts as a row before, a column after.

    Raises
    ------
    ValueError
        If the inner lengths differ, or the leading axes do not broadcast.
    TypeError
        If the dtypes differ.
    """
    input, other = as_tensor("matmul", input), as_tensor("matmul", other, "other")
    if input.dtype != other.dtype:
        raise TypeError(f"matmul: dtypes {input.dtype} and {other.dtype} differ; convert one with .to()")
    if input.dtype.kind == "b":
        raise TypeError("matmul: input must hold numbers, not booleans; convert it with .to()")
    if 0 in (input.ndim, other.ndim):
        raise ValueError(f"matmul: shapes {input.shape} and {other.shape}; both need at least one axis")
    if input.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
        raise ValueError(f"matmul: inner lengths differ: {input.shape} @ {other.shape}; K must agree in M K and K N")
    if any(n != m and 1 not in (n, m) for n, m in zip(input.shape[-3::-1], other.shape[-3::-1], strict=False)):
        raise ValueError(f"matmul: leading axes of {input.shape} and {other.shape} do not broadcast")
    a = input.unsqueeze(0) if input.ndim == 1 else input
    b = other.unsqueeze(1) if other.ndim == 1 else other
    product = Matmul.apply(a, b)
    if other.ndim == 1:
        product = product.squeeze(-1)
    return product.squeeze(-1 if other.ndim == 1 else -2) if input.ndim == 1 else product


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight^T + bias.

    Parameters
    ----------
    input : (..., C)
    weight : (F, C), or (C,)
    bias : (F,), optional

    Raises
    ------
    ValueError
        If C differs between input and weight, or F between weight and bias.
    """
    check_tensor("linear", "input", input)
    check_tensor("linear", "weight", weight)
    if weight.ndim not in (1, 2):
        raise ValueError(f"linear: weight has shape {weight.shape}; it must be (F, C) or (C,)")
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(f"linear: input {input.shape} must end in C={weight.shape[-1]}, as weight {weight.shape} does")
    if weight.dtype != input.dtype:
        raise TypeError(f"linear: input is {input.dtype} but weight is {weight.dtype}; convert one with .to()")
    if bias is not None and weight.ndim == 2:
        check_per_channel("linear", "bias", bias, weight.shape[0], input, "F")
    elif bias is not None and bias.shape != ():
        raise ValueError(f"linear: a weight of shape (C,) makes one value, but bias has shape {bias.shape}")
    if weight.ndim == 1:
        product = matmul(input, weight)
    else:
        # One matrix of all rows, so that it is one call of the kernel and one gradient for the weight.
        rows = input.reshape(-1, input.shape[-1]) if input.numel() else input
        product = matmul(rows, weight.transpose(0, 1)).reshape(*input.shape[:-1], weight.shape[0])
    return product if bias is None else product + bias


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return all products of an entry of input (N,) and one of vec2 (M,), as a matrix (N, M)."""
    for argument, x in (("input", input), ("vec2", vec2)):
        check_tensor("outer", argument, x)
        if x.ndim != 1:
            raise ValueError(f"outer: {argument} must have one axis, not shape {x.shape}")
    if input.device != vec2.device:
        raise ValueError(f"outer: input is on {input.device!r} but vec2 on {vec2.device!r}; move one with .to()")
    return input.reshape(-1 if input.numel() else 0, 1) * vec2


Label = str | int  # a letter, or an axis that "..." stands for: -1 for the last of them
Labels = Sequence[Label]


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Return the sum of products that `equation` describes, as `torch.einsum`.

    Parameters
    ----------
    equation : str
        A letter for each axis of each operand, then "->" and the axes of the result: "nk,km->nm" is the product of two
        matrices. A letter that the result lacks is summed over; one that an operand has twice takes its diagonal.
        "..." stands for the axes that have no letter, which broadcast. Without "->" the result has the axes of "..."
        and then the letters that occur once, in alphabetical order, capitals first.
    operands : Tensors of one dtype, or a list of them
        A length of 1 broadcasts. They are contracted two at a time, from left to right, each pair in one matmul.

    Raises
    ------
    ValueError
        If the equation cannot be read, or does not fit the operands' axes.
    TypeError
        If the dtypes differ.
    """
    tensors = list(operands[0] if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else operands)
    terms, output = _read(equation, tensors)
    lengths = _lengths(terms, tensors)
    parts = [_distinct(x, term, lengths) for x, term in zip(tensors, terms, strict=True)]
    product, labels = parts[0]
    for i, (x, term) in enumerate(parts[1:], 2):
        product, labels = _contract(product, labels, x, term, {*output, *(a for _, later in parts[i:] for a in later)})
    summed = [i for i, a in enumerate(labels) if a not in output]  # of a lone operand; _contract leaves none
    if summed:
        product, labels = product.sum(summed), [a for a in labels if a in output]
    return _arrange(product, labels, output)


def _read(equation: str, tensors: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """Check the arguments and return the labels of each operand's axes and of the result's."""
    if not isinstance(equation, str):
        raise TypeError(f"einsum: equation must be a string, not {equation!r}")
    if not tensors:
        raise ValueError("einsum: there is no operand")
    for i, x in enumerate(tensors):
        check_tensor("einsum", f"operand {i}", x)
        if x.dtype != tensors[0].dtype:
            raise TypeError(f"einsum: operand {i} is {x.dtype} but operand 0 {tensors[0].dtype}; use .to()")
        if x.device != tensors[0].device:
            raise ValueError(f"einsum: operand {i} is on {x.device!r} but operand 0 on {tensors[0].device!r}")
    inputs, arrow, result = equation.replace(" ", "").partition("->")
    texts = inputs.split(",")
    if len(texts) != len(tensors):
        raise ValueError(f"einsum: {equation!r} describes {len(texts)} operands, but there are {len(tensors)}")
    for text in (*texts, result):
        if not re.fullmatch(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*", text):
            raise ValueError(f"einsum: {equation!r} must be letters and '...', with ',' and one '->', not {text!r}")
    terms = [_labels(text, x.ndim, f"operand {i}") for i, (text, x) in enumerate(zip(texts, tensors, strict=True))]
    dots = max(sum(not isinstance(a, str) for a in term) for term in terms)
    if arrow:
        output = _labels(result, len(result.replace("...", "")) + dots * ("..." in result), "the result")
        for a in output:
            if list(output).count(a) > 1 or not any(a in term for term in terms):
                raise ValueError(f"einsum: the result of {equation!r} must name {a!r} once, as an operand does")
        return terms, output
    letters = [a for term in terms for a in term if isinstance(a, str)]
    return terms, [*range(-dots, 0), *sorted(a for a in letters if letters.count(a) == 1)]


def _labels(text: str, ndim: int, what: str) -> Labels:
    before, dots, after = text.partition("...")
    rest = ndim - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise ValueError(f"einsum: {text!r} names {len(before + after)} axes, but {what} has {ndim}")
    return [*before, *range(-rest, 0), *after]


def _lengths(terms: Sequence[Labels], tensors: Sequence[Tensor]) -> dict[Label, int]:
    """Return the length of each label, a length of 1 giving way to others."""
    lengths: dict[Label, int] = {}
    for i, (term, x) in enumerate(zip(terms, tensors, strict=True)):
        for a, n in zip(term, x.shape, strict=True):
            alike = x.shape[list(term).index(a)] == n  # within an operand there is no broadcasting
            if not alike or (n != 1 and lengths.get(a, 1) not in (1, n)):
                name = repr(a) if isinstance(a, str) else f"axis {a} of '...'"
                raise ValueError(f"einsum: {name} has length {n} in operand {i} of shape {x.shape}, and another before")
            lengths[a] = n if lengths.get(a, 1) == 1 else lengths[a]
    return lengths


def _distinct(x: Tensor, labels: Labels, lengths: dict[Label, int]) -> tuple[Tensor, Labels]:
    """Return x with one axis per label, the diagonal of those that share it, and without those that broadcast."""
    for a in dict.fromkeys(labels):
        places = [i for i, b in enumerate(labels) if b == a]
        if len(places) > 1:
            others = [i for i, b in enumerate(labels) if b != a]
            n, times = x.shape[places[0]], len(places)
            flat = x.permute(*others, *places).reshape(*(x.shape[i] for i in others), n**times)
            x = flat[..., :: sum(n**k for k in range(times))]  # an entry of the diagonal is one step on in each axis
            labels = [*(labels[i] for i in others), a]
    kept = [i for i, a in enumerate(labels) if x.shape[i] == lengths[a]]
    return x.reshape([x.shape[i] for i in kept]), [labels[i] for i in kept]


def _contract(a: Tensor, left: Labels, b: Tensor, right: Labels, needed: Collection[Label]) -> tuple[Tensor, Labels]:
    """Multiply a and b and sum over the labels that are not `needed` any more: one matmul."""
    a, left = _sum_out(a, left, [i for i in left if i not in right and i not in needed])
    b, right = _sum_out(b, right, [i for i in right if i not in left and i not in needed])
    if a.dtype != b.dtype:  # the sum of a byte or boolean axis is an int64
        a, b = a.to("int64"), b.to("int64")
    batch = [i for i in left if i in right and i in needed]
    inner = [i for i in left if i in right and i not in needed]
    rows, columns = [i for i in left if i not in right], [i for i in right if i not in left]
    a, b = _arrange(a, left, [*batch, *rows, *inner]), _arrange(b, right, [*batch, *inner, *columns])
    n, m = len(batch), len(batch) + len(rows)
    shape = (*a.shape[:m], *b.shape[n + len(inner) :])
    if inner:
        if a.dtype.kind == "b":
            raise TypeError("einsum: operands must hold numbers, not booleans, where products are summed; use .to()")
        middle = math.prod(a.shape[m:])
        product = matmul(
            a.reshape(*a.shape[:n], math.prod(a.shape[n:m]), middle),
            b.reshape(*b.shape[:n], middle, math.prod(shape[m:])),
        )
    else:
        product = a.reshape(*a.shape, *[1] * len(columns)) * b.reshape(*b.shape[:n], *[1] * len(rows), *b.shape[n:])
    return product.reshape(shape), [*batch, *rows, *columns]


def _sum_out(x: Tensor, labels: Labels, gone: Labels) -> tuple[Tensor, Labels]:
    if not gone:
        return x, labels
    return x.sum([labels.index(a) for a in gone]), [a for a in labels if a not in gone]


def _arrange(x: Tensor, labels: Labels, order: Labels) -> Tensor:
    order = [labels.index(a) for a in order]
    return x if order == list(range(x.ndim)) else x.permute(order)
