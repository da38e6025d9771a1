"""An average of the weights over the steps of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minipose.checks import check_number
from minipose.kernels import Array, array_module, device_of, to_device
from minipose.nn import Module
from minipose.tensor import Tensor


class EMA:
    """Exponential moving average of a network's parameters and floating-point buffers (Polyak & Juditsky 1992).

    After step t, counted from 1, average += (1 - d) (value - average) with d = min(decay, (1 + t) / (10 + t)): the
    first steps, far from the goal, are soon forgotten. Buffers that count are copied.

    Parameters
    ----------
    model : Module
        Where the average begins.
    decay : float
        From 0, which follows the weights, to below 1; about 1 / (1 - decay) steps are averaged.

    Raises
    ------
    TypeError, ValueError
        If `decay` is no such number.
    """

    def __init__(self, model: Module, decay: float = 0.999) -> None:
        check_number("EMA", "decay", decay, 0, np.nextafter(1, 0))
        self.decay = decay
        self.steps = 0
        self.arrays: dict[str, Array] = {name: _copy(t.data) for name, t in model.state_dict().items()}

    def update(self, model: Module) -> None:
        """Take the model's present weights into the average; call it after every step of the optimiser."""
        self.steps += 1
        part = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, tensor in model.state_dict().items():
            average = self.arrays[name]
            if average.dtype.kind == "f":
                average += part * (tensor.data - average)
            else:
                average[...] = tensor.data

    @contextmanager
    def applied(self, model: Module) -> Iterator[None]:
        """Give the model the average for the time of a block, and its own weights back at the end."""
        own = {name: Tensor(_copy(t.data)) for name, t in model.state_dict().items()}
        model.load_state_dict({name: Tensor(array) for name, array in self.arrays.items()})
        try:
            yield
        finally:
            model.load_state_dict(own)

    def load(self, arrays: Mapping[str, Any], steps: int) -> None:
        """Take over a saved average; its names and shapes must be those of this one.

        Raises
        ------
        ValueError
            If they are not; then nothing has been changed.
        """
        shapes = {name: array.shape for name, array in self.arrays.items()}
        if {name: array.shape for name, array in arrays.items()} != shapes:
            raise ValueError("EMA.load: the saved average is of another network: names or shapes differ")
        self.steps = steps
        for name, average in self.arrays.items():
            average[...] = to_device(np.asarray(arrays[name]), device_of(average))


def _copy(array: Array) -> Array:
    """Return a copy on the same device, in the same memory layout."""
    return array_module(array).array(array)
