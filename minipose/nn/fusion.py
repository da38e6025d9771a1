"""Batch normalisation and the rectifier after it as one operation, where nobody looks in between.

The result is that of the modules one by one; only memory is read and written less often. `Sequential` and the residual
blocks call what is here, so whoever builds networks of them has it.
"""

from __future__ import annotations

from collections.abc import Iterable

from minipose.nn.activation import ReLU, ReLU6
from minipose.nn.module import Module
from minipose.nn.norm import BatchNorm2d
from minipose.tensor import Tensor


def _fuses(norm: Module, relu: Module) -> bool:
    """Whether the two are what they seem, not subclasses, and no hook waits for what is between them."""
    return type(norm) is BatchNorm2d and type(relu) in (ReLU, ReLU6) and not norm.has_hooks() and not relu.has_hooks()


def run(modules: Iterable[Module], input: Tensor) -> Tensor:
    """Apply modules one after the other."""
    modules = list(modules)
    i = 0
    while i < len(modules):
        if i + 1 < len(modules) and _fuses(modules[i], modules[i + 1]):
            input = modules[i].forward_relu(input, six=type(modules[i + 1]) is ReLU6)
            i += 2
        else:
            input = modules[i](input)
            i += 1
    return input


def add_relu(branch: Iterable[Module], input: Tensor, other: Tensor, relu: Module) -> Tensor:
    """Return relu(branch(input) + other); the last of `branch`, a Sequential or a list, may be a normalisation."""
    *before, last = branch
    is_module = isinstance(branch, Module)
    if _fuses(last, relu) and not (is_module and branch.has_hooks()):
        return last.forward_relu(run(before, input), other, type(relu) is ReLU6)
    return relu((branch(input) if is_module else run([*before, last], input)) + other)
