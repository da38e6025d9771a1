"""Function: a differentiable operation, and the node that applying it adds to the graph.

A graph is made of Functions. Each holds, for every input, an edge: the Function that made the input, the input
itself where it is a leaf, or None where no gradient is wanted. Edges point from results to inputs only, so a graph
has no cycle and dies by reference count as soon as nobody holds its end.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minipose.autograd import anomaly
from minipose.autograd.mode import mode
from minipose.kernels import Array
from minipose.tensor import Tensor, Version, memory_owner

if TYPE_CHECKING:
    from minipose.autograd.checkpoint import Segment


class Function:
    """A differentiable operation, applied once: `Function.apply(*inputs, **options)` returns its result.

    A subclass writes two methods:

    - `forward(self, *arrays, **options)` computes an array from arrays, says with `save_inputs(0, 1)`,
      `save_output()` and `save(value)` what backward will need, and may keep options as attributes.
    - `backward(self, grad, wanted)` takes the gradient of the result, a Tensor, and returns a tuple with the
      gradient of every input. Made of Tensor operations, it can itself be differentiated. `wanted[i]` is False
      where the gradient of input i will not be used: return None there. A gradient may still have the shape that
      broadcasting gave the input: the engine sums it back.

    Attributes
    ----------
    wanted : in forward, which inputs require a gradient, so that nothing is saved in vain.
    """

    name = "function"
    fresh_gradients = False  # whether what backward returns, but for the gradient it is given, is nobody else's memory
    edges: tuple[Function | Tensor | None, ...] = ()
    wanted: tuple[bool, ...] = ()
    input_layouts: tuple[tuple | None, ...] = ()
    saved: tuple[Any, ...] = ()
    _hooks: dict | None = None
    retained: weakref.ref[Tensor] | None = None
    segment: Segment | None = None
    made_at = ""
    _saved_positions: tuple[int, ...] = ()
    _saves_output = False
    _saved_inputs: tuple[Any, ...] = ()
    _output: Array | None = None
    _versions: Sequence[tuple[Version, int]] = ()
    _fingerprints: Sequence[tuple[Array, int]] = ()
    _freed = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def forward(self, *arrays: Array, **options: Any) -> Array:
        """Compute the result from the inputs' arrays."""
        raise NotImplementedError(f"{self.name}: forward is not written")

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """Return the gradient of every input from the gradient of the result."""
        raise NotImplementedError(f"{self.name}: backward is not written")

    def save_inputs(self, *positions: int) -> None:
        """Keep the inputs at `positions` for backward, which finds them in `saved_inputs` in that order."""
        self._saved_positions = positions

    def save_output(self) -> None:
        """Keep the result for backward, which finds it in `saved_output`."""
        self._saves_output = True

    def save(self, *values: Any) -> None:
        """Keep `values`, which no gradient flows through, for backward, which finds them in `saved`."""
        self.saved += values

    @property
    def saved_inputs(self) -> tuple[Any, ...]:
        """The inputs that forward asked to save.

        Raises
        ------
        RuntimeError
            If one of them has been written to since.
        """
        self._check_unwritten()
        return self._saved_inputs

    @property
    def saved_output(self) -> Tensor:
        """The result, where forward asked to save it; raises as `saved_inputs` does."""
        self._check_unwritten()
        # Built anew on each use: a Function that held its own result would be a reference cycle.
        output = Tensor(self._output)
        output.requires_grad, output.grad_fn = True, self
        return output

    def _check_unwritten(self) -> None:
        written = any([version.count != then for version, then in self._versions])
        if self._fingerprints:
            written = written or any(anomaly.fingerprint(array) != then for array, then in self._fingerprints)
        if written:
            what = "its result" if self._saves_output else "one of its inputs"
            raise RuntimeError(
                f"backward: {self.name} needs {what} as it was in forward, and that was written to since; "
                "call backward first, or write to a copy"
            )

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """Run `forward` on the inputs' arrays and connect the result to the graph.

        Inputs that are not Tensors (Python numbers) reach `forward` unchanged and get no gradient.
        """
        function, recording = cls(), mode.recording
        arrays, wanted, kind = [], [], None
        for x in inputs:
            if not isinstance(x, Tensor):
                arrays.append(x)
                wanted.append(False)
                continue
            data = x._data
            if kind is None:
                kind = type(data)
            elif kind is not type(data) and x.device != ("cpu" if issubclass(kind, np.ndarray) else "cuda"):
                raise ValueError(f"{cls.name}: inputs are on 'cpu' and on 'cuda'; move one with .to('cuda')")
            arrays.append(data)
            wanted.append(recording and x.requires_grad)
        function.wanted = tuple(wanted)
        with np.errstate(all="ignore"):  # who makes a NaN is told by detect_anomaly, not by NumPy's warnings
            result = Tensor(function.forward(*arrays, **options))
        data = result._data
        if mode.anomaly:
            anomaly.check_result(function, inputs, data)
        owner = memory_owner(data)
        for x, array in zip(inputs, arrays, strict=True):
            if isinstance(x, Tensor) and memory_owner(array) is owner:
                result.version = x.version  # who writes to one writes to both
        if True in wanted:
            function._connect(inputs, result)
        return result

    def _connect(self, inputs: tuple[Any, ...], result: Tensor) -> None:
        edges, layouts = [], []
        for x, wanted in zip(inputs, self.wanted, strict=True):
            edges.append((x.grad_fn or x) if wanted else None)
            layouts.append((x._data.shape, x._data.dtype) if wanted else None)
        self.edges, self.input_layouts = tuple(edges), tuple(layouts)
        kept = []
        if self._saved_positions:
            self._saved_inputs = tuple([inputs[i] for i in self._saved_positions])
            kept = [x for x in self._saved_inputs if isinstance(x, Tensor)]
        if self._saves_output:
            self._output = result._data
            kept.append(result)
        self._versions = [(x.version, x.version.count) for x in kept]
        if mode.anomaly:
            self._fingerprints = [(x.data, anomaly.fingerprint(x.data)) for x in kept]
        if mode.tape is not None:
            mode.tape.append(self)
        result.requires_grad, result.grad_fn = True, self

    def free(self) -> None:
        """Let go of all that was saved for backward."""
        self._freed = self._freed or bool(self._saved_inputs or self._saves_output or self.saved)
        self.forget()
        self.segment = None

    def forget(self) -> None:
        """Let go of all that was saved, to take it over again from a Function that has done the same."""
        self._saved_inputs, self._output, self.saved, self._versions, self._fingerprints = (), None, (), (), ()

    def leaf_versions(self) -> list[tuple[Version, int]]:
        """Return the versions of the saved inputs that are leaves."""
        saved = zip(self._saved_positions, self._saved_inputs, strict=True)
        return [(x.version, x.version.count) for i, x in saved if x is self.edges[i] and x is not None]

    def take_over(self, twin: Function) -> None:
        """Take what `twin`, the same operation run again, has saved; the graph stays this one's."""
        connected = []
        for i, x in zip(twin._saved_positions, twin._saved_inputs, strict=True):
            edge = self.edges[i]
            if isinstance(edge, Function):
                x = Tensor(x.data)
                x.requires_grad, x.grad_fn = True, edge
            connected.append(x if edge is None or isinstance(edge, Function) else edge)
        self._saved_inputs, self._output, self.saved = tuple(connected), twin._output, twin.saved

    def run_backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """Call `backward` and bring each gradient to its input's shape and dtype."""
        if self._freed:
            raise RuntimeError(
                f"backward: {self.name} has already been differentiated and what it saved is freed; "
                "call the first backward with retain_graph=True to go through the graph twice"
            )
        if self.segment is not None:
            self.segment.restore()
        watched = mode.anomaly
        mode.anomaly = False  # so that it is this Function's gradients that are looked at, and not its backward's steps
        try:
            grads = self.backward(grad, wanted)
        finally:
            mode.anomaly = watched
        if not isinstance(grads, tuple) or len(grads) != len(wanted):
            raise TypeError(f"{self.name}: backward must return a tuple of {len(wanted)} gradients, one for each input")
        for g in grads:
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"{self.name}: backward must return Tensors or None, not {type(g).__name__}")
        if mode.anomaly:
            anomaly.check_gradients(self, grad, grads)
        return tuple(
            [
                _fit(g, *layout, self.name) if want and g is not None else None
                for g, want, layout in zip(grads, wanted, self.input_layouts, strict=True)
            ]
        )


def _fit(grad: Tensor, shape: tuple[int, ...], dtype: Any, name: str) -> Tensor:
    """Undo broadcasting and type promotion: the one place where that is done."""
    if grad.shape != shape:
        extra = grad.ndim - len(shape)
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, grad.shape[extra:], strict=True)):
            raise ValueError(f"{name}: backward returned a gradient of shape {grad.shape} for an input of {shape}")
        stretched = [i + extra for i, n in enumerate(shape) if n != grad.shape[i + extra]]
        grad = grad.sum((*range(extra), *stretched), keepdim=True).reshape(shape)
    return grad if grad.dtype == dtype else grad.to(dtype)
