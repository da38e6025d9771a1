"""Recomputation: forget what a part of a network saved, and run the part again when backward needs it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from minipose.autograd.function import Function
from minipose.autograd.mode import mode, switched
from minipose.random import default_generator
from minipose.tensor import Tensor


class Segment:
    """A part of a network that has been run once, and can be run again with the same inputs and random numbers."""

    def __init__(self, function: Callable, inputs: tuple, options: dict[str, Any]) -> None:
        self.function, self.inputs, self.options = function, inputs, options
        self.versions = [(x.version, x.version.count) for x in inputs if isinstance(x, Tensor)]
        self.random_state = default_generator().bit_generator.state
        self.recorded: list[weakref.ref[Function]] = []
        self.restored = False

    def run(self) -> Any:
        """Run the part for the first time, and forget what its Functions have saved."""
        with switched(tape=[]):
            result = self.function(*self.inputs, **self.options)
            tape = mode.tape
        for function in tape:
            self.versions += function.segment.versions if function.segment else function.leaf_versions()
            function.forget()
            function.segment = self
        self.recorded = [weakref.ref(function) for function in tape]
        if mode.tape is not None:  # inside another segment
            mode.tape.extend(tape)
        return result

    def restore(self) -> None:
        """Run the part again and hand every Function what it had saved.

        Raises
        ------
        RuntimeError
            If an input has been written to, or other operations are run than the first time.
        """
        if self.restored:
            return
        self.restored = True
        if any(version.count != then for version, then in self.versions):
            raise RuntimeError("checkpoint: an input was written to since forward, so the part cannot be run again")
        generator = default_generator().bit_generator
        now, generator.state = generator.state, self.random_state
        inputs = tuple(_cut_off(x) for x in self.inputs)
        try:
            with switched(tape=[], recording=True, recomputing=True):
                self.function(*inputs, **self.options)
                twins = mode.tape
        finally:
            generator.state = now
        names = [function.name for function in twins]
        for i, reference in enumerate(self.recorded):
            function = reference()
            if len(twins) != len(self.recorded) or (function is not None and function.name != names[i]):
                raise RuntimeError(
                    f"checkpoint: the second run recorded {len(twins)} operations that are not the "
                    f"{len(self.recorded)} of the first; the function must do the same each time"
                )
            if function is not None:
                function.take_over(twins[i])


def _cut_off(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return x.detach().requires_grad_(x.requires_grad)


def checkpoint(function: Callable, *inputs: Any, **options: Any) -> Any:
    """Call a function, and keep none of what it saves for backward (Chen et al. 2016).

    Backward runs the function a second time, from its inputs, when it gets there: a third more time for the part, and
    the memory of its activations only while its backward runs. Gradients are those without it, to any order; random
    numbers of `minipose.manual_seed`'s generator are drawn the same again, and running statistics do not move twice.

    Parameters
    ----------
    function : callable
        Does the same each time, from its inputs and from parameters that it holds.
    inputs, options : what it is called with; gradients flow to the Tensors among `inputs`

    Raises
    ------
    TypeError
        If `function` cannot be called.
    RuntimeError
        In backward, if an input has been written to, or the second run does something else.
    """
    if not callable(function):
        raise TypeError(f"checkpoint: function must be callable, not {function!r}")
    if mode.recomputing:  # inside another part, which keeps what this one saves for the moment
        return function(*inputs, **options)
    return Segment(function, inputs, options).run()
