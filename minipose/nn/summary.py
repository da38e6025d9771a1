"""A table of a network's layers: what comes out of each, what it learns, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minipose.autograd import no_grad
from minipose.checks import check_memory, is_integer
from minipose.creation import zeros
from minipose.nn.conv import Conv1d, Conv2d, ConvTranspose2d
from minipose.nn.linear import Linear
from minipose.nn.module import Module
from minipose.tensor import Tensor, float32


@dataclass(frozen=True)
class Layer:
    """One row: name, kind, shape of the result, number of parameters, multiply-adds for the whole batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The layers in the order in which they ran; `print` shows the table.

    Attributes
    ----------
    layers : list of Layer
    parameters : int
        Of the whole network, a shared one counted once.
    multiply_adds : int
        Of convolutions and linear layers, for the whole batch.
    """

    layers: list[Layer]
    parameters: int
    multiply_adds: int

    def __str__(self) -> str:
        rows = [
            (f"{layer.name} ({layer.kind})", " x ".join(map(str, layer.shape)), layer.parameters, layer.multiply_adds)
            for layer in self.layers
        ]
        width = max(len(row[0]) for row in [*rows, ("total",)]) + 2
        lines = [f"{'layer':<{width}}{'output':>20}{'parameters':>13}{'multiply-adds':>17}"]
        lines += [f"{name:<{width}}{shape:>20}{count:>13,}{work:>17,}" for name, shape, count, work in rows]
        lines += ["-" * len(lines[0]), f"{'total':<{width}}{'':>20}{self.parameters:>13,}{self.multiply_adds:>17,}"]
        return "\n".join(lines)


def _multiply_adds(module: Module, input: Tensor, result: Tensor) -> int:
    if isinstance(module, (Conv1d, Conv2d)):
        return result.numel() * math.prod(module.weight.shape[1:])
    if isinstance(module, ConvTranspose2d):
        return input.numel() * math.prod(module.weight.shape[1:])
    if isinstance(module, Linear):
        return result.numel() * module.in_features
    return 0


def summary(model: Module, input_shape: Sequence[int]) -> Summary:
    """Run `model` once on zeros of `input_shape` (N, C, H, W) and return the table of its innermost layers.

    The model is left as it was: no running statistics move, and every module keeps its training flag.
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary: model must be a Module, not {model!r}")
    if not isinstance(input_shape, (tuple, list)) or not all(is_integer(n) and n >= 0 for n in input_shape):
        raise TypeError(f"summary: input_shape must be a tuple of integers from 0, not {input_shape!r}")
    check_memory("summary", "input", input_shape)
    layers: list[Layer] = []
    training = {id(module): module.training for module in model.modules()}

    def record(name: str) -> Any:
        def hook(module: Module, inputs: tuple, result: Any) -> None:
            count = sum(p.numel() for p in module.parameters())
            layers.append(
                Layer(name, type(module).__name__, result.shape, count, _multiply_adds(module, inputs[0], result))
            )

        return hook

    innermost = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(record(name)) for name, module in innermost]
    first = next(model.parameters(), None)
    device, dtype = ("cpu", float32) if first is None else (first.device, first.dtype)
    try:
        with no_grad():
            model.eval()(zeros(*input_shape, dtype=dtype, device=device))
    finally:
        for handle in handles:
            handle.remove()
        for module in model.modules():
            module.__dict__["training"] = training[id(module)]
    return Summary(layers, sum(p.numel() for p in model.parameters()), sum(layer.multiply_adds for layer in layers))
