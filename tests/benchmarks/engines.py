"""The little that differs between the two libraries; all else in this folder is one text for both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

LEARNING_RATE = 1e-3
LAYOUTS = ("contiguous", "channels_last")


class Engine(Protocol):
    """A library, and how to bring numbers into it and out of it."""

    lib: Any

    def tensor(self, array: np.ndarray) -> Any:
        """Return a tensor of these numbers, images in the engine's layout."""

    def numbers(self, tensor: Any) -> np.ndarray:
        """Return the numbers of a tensor."""

    def fill(self, tensor: Any, array: np.ndarray) -> None:
        """Write numbers into a tensor that keeps its layout."""

    def prepared(self, module: Any) -> Any:
        """Return a module, or a function, with its parameters in the engine's layout."""

    def adam(self, parameters: Iterable[Any]) -> Any:
        """Return Adam in its fastest form."""

    def grad(self, y: Any, inputs: Sequence[Any], upstream: Any) -> Any:
        """Return the gradients of y by the inputs; the graph stays."""


def load(engine: Engine, module: Any, state: Mapping[str, np.ndarray]) -> Any:
    """Copy weights into a module by their names, and return it in the engine's layout."""
    module = engine.prepared(module)
    tensors = module.state_dict()
    if list(tensors) != list(state):
        raise ValueError(f"load: the weights are named {sorted(set(state) ^ set(tensors))} on one side only")
    for name, tensor in tensors.items():
        engine.fill(tensor, state[name])
    return module


class Minipose:
    """minipose as its users call it."""

    def __init__(self) -> None:
        import minipose

        self.lib = minipose

    def tensor(self, array: np.ndarray) -> Any:
        return self.lib.Tensor(array)

    def numbers(self, tensor: Any) -> np.ndarray:
        return tensor.data

    def fill(self, tensor: Any, array: np.ndarray) -> None:
        tensor.data[...] = array

    def prepared(self, module: Any) -> Any:
        return module

    def adam(self, parameters: Iterable[Any]) -> Any:
        return self.lib.optim.Adam(parameters, lr=LEARNING_RATE)

    def grad(self, y: Any, inputs: Sequence[Any], upstream: Any) -> Any:
        return self.lib.grad(y, inputs, upstream, retain_graph=True)


class Torch:
    """PyTorch with its images and weights in one memory layout, "contiguous" or "channels_last"."""

    def __init__(self, layout: str) -> None:
        import torch

        self.lib = torch
        self.format = torch.channels_last if layout == "channels_last" else torch.contiguous_format

    def tensor(self, array: np.ndarray) -> Any:
        tensor = self.lib.from_numpy(np.array(array, order="C"))
        return tensor.contiguous(memory_format=self.format) if array.ndim == 4 else tensor

    def numbers(self, tensor: Any) -> np.ndarray:
        return tensor.detach().numpy()

    def fill(self, tensor: Any, array: np.ndarray) -> None:
        tensor.detach().copy_(self.lib.from_numpy(np.array(array)))

    def prepared(self, module: Any) -> Any:
        return module.to(memory_format=self.format) if isinstance(module, self.lib.nn.Module) else module

    def adam(self, parameters: Iterable[Any]) -> Any:
        # Of PyTorch's forms of Adam the fused one is the fastest on the CPU.
        return self.lib.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)

    def grad(self, y: Any, inputs: Sequence[Any], upstream: Any) -> Any:
        return self.lib.autograd.grad(y, inputs, upstream, retain_graph=True)


def engine(layout: str | None) -> Engine:
    """Return PyTorch in a layout, or, without one, minipose."""
    return Torch(layout) if layout else Minipose()
