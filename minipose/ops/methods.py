"""Give Tensor its operators and methods: `a + b` is `ops.add(a, b)`, `x.sum()` is `ops.sum(x)`."""

from __future__ import annotations

from typing import Any

from minipose import autograd
from minipose.kernels import array_module
from minipose.ops import elementwise, matmul, reduce, shape
from minipose.tensor import Tensor


def _compare(name: str) -> Any:
    def compare(self: Tensor, other: Any) -> Tensor:
        if not hasattr(other, "dtype") and not isinstance(other, (bool, int, float)):
            return NotImplemented
        a, b = elementwise.operands(name.strip("_"), self, other)
        if isinstance(b, Tensor) and b.device != a.device:
            raise ValueError(f"{name.strip('_')}: inputs are on 'cpu' and on 'cuda'; move one with .to('cuda')")
        result = getattr(a.data, name)(b.data if isinstance(b, Tensor) else b)
        return Tensor(array_module(a.data).asarray(result))

    return compare


def _cpu(self: Tensor) -> Tensor:
    """Return the tensor on the host; itself where it is there already."""
    return elementwise.to(self, "cpu")


def _cuda(self: Tensor) -> Tensor:
    """Return the tensor on the GPU; itself where it is there already."""
    return elementwise.to(self, "cuda")


def _transposed(self: Tensor) -> Tensor:
    """The matrix with rows and columns exchanged."""
    if self.ndim != 2:
        raise ValueError(f"T: needs two axes, not shape {self.shape}; use permute")
    return shape.transpose(self, 0, 1)


def attach() -> None:
    """Attach every method; called once, when minipose is imported."""
    binary = {"add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div,
              "pow": elementwise.pow, "matmul": matmul.matmul}
    for name, function in binary.items():
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", lambda self, other, function=function: function(other, self))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Tensor, f"__{name}__", _compare(f"__{name}__"))
    Tensor.__hash__ = object.__hash__  # by identity: tensors are keys of the gradient table
    Tensor.__neg__ = elementwise.neg
    Tensor.__abs__ = elementwise.abs_
    Tensor.__getitem__ = shape.getitem
    methods = {
        "add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "div": elementwise.div,
        "pow": elementwise.pow, "neg": elementwise.neg, "abs": elementwise.abs_, "exp": elementwise.exp,
        "log": elementwise.log, "sqrt": elementwise.sqrt, "sigmoid": elementwise.sigmoid, "relu": elementwise.relu,
        "to": elementwise.to, "matmul": matmul.matmul,
        "sum": reduce.sum, "mean": reduce.mean, "var": reduce.var, "amax": reduce.amax, "argmax": reduce.argmax,
        "reshape": shape.reshape, "view": shape.reshape, "flatten": shape.flatten, "permute": shape.permute,
        "transpose": shape.transpose, "squeeze": shape.squeeze, "unsqueeze": shape.unsqueeze, "expand": shape.expand,
        "backward": autograd.backward, "retain_grad": autograd.retain_grad,
    }  # fmt: skip
    for name, function in methods.items():
        setattr(Tensor, name, function)
    Tensor.cpu, Tensor.cuda = _cpu, _cuda
    Tensor.T = property(_transposed)


attach()
