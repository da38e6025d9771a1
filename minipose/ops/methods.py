"""Give Tensor its operators and methods: `a + b` is `ops.add(a, b)`, `x.sum()` is `ops.sum(x)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minipose import autograd
from minipose.ops import (
    activation,
    compare,
    elementwise,
    extremes,
    index,
    inplace,
    join,
    matmul,
    reduce,
    shape,
    softmax,
    unary,
)
from minipose.tensor import Tensor


def _comparison(function: Callable) -> Callable:
    """Return the operator, which leaves what is no number to the other operand, as Python's protocol wants it."""

    def operator(self: Tensor, other: Any) -> Tensor:
        known = hasattr(other, "dtype") or isinstance(other, (bool, int, float))
        return function(self, other) if known else NotImplemented

    return operator


def _cpu(self: Tensor) -> Tensor:
    """Return the tensor on the host; itself where it is there already."""
    return elementwise.to(self, "cpu")


def _cuda(self: Tensor) -> Tensor:
    """Return the tensor on the GPU; itself where it is there already."""
    return elementwise.to(self, "cuda")


def _where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """Return the tensor where the condition holds, and `other` elsewhere."""
    return compare.where(condition, self, other)


def _transposed(self: Tensor) -> Tensor:
    """The matrix with rows and columns exchanged."""
    if self.ndim != 2:
        raise ValueError(f"T: needs two axes, not shape {self.shape}; use permute")
    return shape.transpose(self, 0, 1)


OPERATORS = {"add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div,
             "pow": elementwise.pow, "matmul": matmul.matmul}  # fmt: skip

METHODS = {  # by the file that defines them
    elementwise: "add div mul neg pow sub to",
    unary: "abs cos erf exp expm1 log log1p reciprocal rsqrt sin sqrt square tanh",
    compare: "clamp eq ge gt le lerp lt maximum minimum ne",
    activation: "relu sigmoid",
    matmul: "matmul outer",
    reduce: "cumsum logsumexp mean norm prod std sum var",
    shape: "broadcast_to expand flatten movedim permute reshape squeeze transpose unsqueeze",
    index: "gather index_select masked_fill tril triu",
    join: "chunk flip repeat roll split unbind",
    softmax: "log_softmax softmax",
    extremes: "amax amin argmax argmin max min",
    inplace: "copy_ fill_ zero_",
    autograd: "backward register_hook retain_grad",
}


def attach() -> None:
    """Attach every operator and method; called once, when minipose is imported."""
    for name, function in OPERATORS.items():
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", lambda self, other, function=function: function(other, self))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Tensor, f"__{name}__", _comparison(getattr(compare, name)))
    Tensor.__hash__ = object.__hash__  # by identity: tensors are keys of the gradient table
    Tensor.__neg__ = elementwise.neg
    Tensor.__abs__ = unary.abs
    Tensor.__getitem__ = index.getitem
    Tensor.__setitem__ = inplace.setitem
    for module, names in METHODS.items():
        for name in names.split():
            setattr(Tensor, name, getattr(module, name))
    Tensor.view = shape.reshape
    Tensor.cpu, Tensor.cuda, Tensor.where = _cpu, _cuda, _where
    Tensor.T = property(_transposed)


attach()
