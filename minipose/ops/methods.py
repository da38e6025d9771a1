"""Give Tensor its operators and methods: `a + b` is `ops.add(a, b)`, `x.sum()` is `ops.sum(x)`."""

from __future__ import annotations

from typing import Any

from minipose import autograd
from minipose.kernels import array_module
from minipose.ops import elementwise, extremes, inplace, matmul, reduce, shape, softmax
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


OPERATORS = {"add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div,
             "pow": elementwise.pow, "matmul": matmul.matmul}  # fmt: skip

METHODS = {  # by the file that defines them
    elementwise: "abs add div exp log mul neg pow relu sigmoid sqrt sub to",
    matmul: "matmul outer",
    reduce: "cumsum logsumexp mean norm prod std sum var",
    shape: "expand flatten permute reshape squeeze transpose unsqueeze",
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
        setattr(Tensor, f"__{name}__", _compare(f"__{name}__"))
    Tensor.__hash__ = object.__hash__  # by identity: tensors are keys of the gradient table
    Tensor.__neg__ = elementwise.neg
    Tensor.__abs__ = elementwise.abs
    Tensor.__getitem__ = shape.getitem
    Tensor.__setitem__ = inplace.setitem
    for module, names in METHODS.items():
        for name in names.split():
            setattr(Tensor, name, getattr(module, name))
    Tensor.view = shape.reshape
    Tensor.cpu, Tensor.cuda = _cpu, _cuda
    Tensor.T = property(_transposed)


attach()
