"""Reverse-mode differentiation: Function, the graph that applying it leaves behind, and the walk back through it.

A graph is made of Functions. Each holds, for every input, an edge: the Function that made the input, the input
itself where it is a leaf, or None where no gradient is wanted. Edges point from results to inputs only, so a graph
has no cycle and dies by reference count as soon as nobody holds its end.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minipose.kernels import Array, array_module, device_of
from minipose.tensor import Tensor

_mode = threading.local()


def is_grad_enabled() -> bool:
    """Return whether operations on this thread are recorded."""
    return getattr(_mode, "enabled", True)


@contextmanager
def _grad_mode(enabled: bool) -> Iterator[None]:
    before = is_grad_enabled()
    _mode.enabled = enabled
    try:
        yield
    finally:
        _mode.enabled = before


def no_grad(function: Callable | None = None) -> Any:
    """Context or decorator in which operations leave no graph behind."""
    return _grad_mode(False) if function is None else _grad_mode(False)(function)


def enable_grad(function: Callable | None = None) -> Any:
    """Context or decorator that records again inside `no_grad`."""
    return _grad_mode(True) if function is None else _grad_mode(True)(function)


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

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(self) -> None:
        self.edges: tuple[Function | Tensor | None, ...] = ()
        self.wanted: tuple[bool, ...] = ()
        self.input_layouts: tuple[tuple | None, ...] = ()
        self.saved: list[Any] = []
        self._saved_positions: tuple[int, ...] = ()
        self._saves_output = False
        self._saved_inputs: tuple[Any, ...] = ()
        self._saved_arrays: tuple[Any, ...] = ()
        self._output: Array | None = None
        self._freed = False
        self._retained: weakref.ref[Tensor] | None = None

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
        self.saved.extend(values)

    @property
    def saved_inputs(self) -> tuple[Any, ...]:
        """The inputs that forward asked to save.

        Raises
        ------
        RuntimeError
            If the array of one of them has been replaced since.
        """
        for x, array in zip(self._saved_inputs, self._saved_arrays, strict=True):
            if isinstance(x, Tensor) and x.data is not array:
                raise RuntimeError(f"backward: the data of an input that {self.name} needs was replaced after forward")
        return self._saved_inputs

    @property
    def saved_output(self) -> Tensor:
        """The result, where forward asked to save it."""
        # Built anew on each use: a Function that held its own result would be a reference cycle.
        output = Tensor(self._output)
        output.requires_grad, output.grad_fn = True, self
        return output

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """Run `forward` on the inputs' arrays and connect the result to the graph.

        Inputs that are not Tensors (Python numbers) reach `forward` unchanged and get no gradient.
        """
        function = cls()
        device = None
        for x in inputs:
            if isinstance(x, Tensor):
                if device is None:
                    device = x.device
                elif x.device != device:
                    raise ValueError(f"{cls.name}: inputs are on 'cpu' and on 'cuda'; move one with .to('cuda')")
        record = is_grad_enabled()
        function.wanted = tuple(record and isinstance(x, Tensor) and x.requires_grad for x in inputs)
        array = function.forward(*[x.data if isinstance(x, Tensor) else x for x in inputs], **options)
        result = Tensor(array)
        if True in function.wanted:
            function._connect(inputs, result)
        return result

    def _connect(self, inputs: tuple[Any, ...], result: Tensor) -> None:
        pairs = list(zip(inputs, self.wanted, strict=True))
        self.edges = tuple((x.grad_fn or x) if wanted else None for x, wanted in pairs)
        self.input_layouts = tuple((x.shape, x.dtype) if wanted else None for x, wanted in pairs)
        self._saved_inputs = tuple(inputs[i] for i in self._saved_positions)
        self._saved_arrays = tuple(getattr(x, "data", None) for x in self._saved_inputs)
        if self._saves_output:
            self._output = result.data
        result.requires_grad, result.grad_fn = True, self

    def free(self) -> None:
        """Let go of all that was saved for backward."""
        if self._saved_inputs or self._saves_output or self.saved:
            self._freed = True
        self._saved_inputs, self._saved_arrays, self._output, self.saved = (), (), None, []

    def run_backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """Call `backward` and bring each gradient to its input's shape and dtype."""
        if self._freed:
            raise RuntimeError(
                f"backward: {self.name} has already been differentiated and what it saved is freed; "
                "call the first backward with retain_graph=True to go through the graph twice"
            )
        grads = self.backward(grad, wanted)
        if not isinstance(grads, tuple) or len(grads) != len(wanted):
            raise TypeError(f"{self.name}: backward must return a tuple of {len(wanted)} gradients, one for each input")
        for g in grads:
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"{self.name}: backward must return Tensors or None, not {type(g).__name__}")
        return tuple(
            _fit(g, *layout, self.name) if want and g is not None else None
            for g, want, layout in zip(grads, wanted, self.input_layouts, strict=True)
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


def _topological(roots: Iterable[Function]) -> list[Function]:
    """Return all Functions that `roots` depend on, every one before those that made its inputs.

    Iterative, because a graph may be deeper than Python's recursion limit.
    """
    finished: list[Function] = []
    seen: set[Function] = set()
    for root in roots:
        stack: list[tuple[Function, int]] = [(root, 0)]
        while stack:
            function, i = stack.pop()
            if i == 0:
                if function in seen:
                    continue
                seen.add(function)
            while i < len(function.edges) and not (
                isinstance(function.edges[i], Function) and function.edges[i] not in seen
            ):
                i += 1
            if i < len(function.edges):
                stack.append((function, i + 1))
                stack.append((function.edges[i], 0))
            else:
                finished.append(function)
    return finished[::-1]


def _run(
    outputs: Sequence[Tensor],
    output_grads: Sequence[Tensor],
    targets: Sequence[Tensor] | None,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Any, Tensor]:
    """Walk back from `outputs`. With `targets` return their gradients by edge; without, add them to the leaves."""
    found: dict[Any, Tensor] = {}
    grads: dict[Any, Tensor] = {}

    def receive(edge: Function | Tensor, grad: Tensor) -> None:
        if isinstance(edge, Tensor) and targets is None:
            _accumulate(edge, grad, create_graph)
        else:
            # Out of place: the same gradient may be on its way to several inputs.
            grads[edge] = grads[edge] + grad if edge in grads else grad

    with _grad_mode(create_graph):
        order = _topological([t.grad_fn for t in outputs if t.grad_fn is not None])
        edges_wanted = None if targets is None else {t.grad_fn or t for t in targets}
        leads: set[Any] = set(edges_wanted or ())
        if edges_wanted is not None:
            for function in reversed(order):
                if any(edge in leads for edge in function.edges):
                    leads.add(function)
        for tensor, grad in zip(outputs, output_grads, strict=True):
            receive(tensor.grad_fn or tensor, grad)
        for function in order:
            grad = grads.pop(function, None)
            if grad is None:
                continue
            if function._retained is not None and targets is None:
                kept = function._retained()
                if kept is not None:
                    _accumulate(kept, grad, create_graph)
            if edges_wanted is not None and function in edges_wanted:
                found[function] = grad
            wanted = tuple(e is not None and (edges_wanted is None or e in leads) for e in function.edges)
            if any(wanted):
                for edge, g in zip(function.edges, function.run_backward(grad, wanted), strict=True):
                    if g is not None:
                        receive(edge, g)
            if not retain_graph:
                function.free()
    return {**grads, **found}


def _accumulate(leaf: Tensor, grad: Tensor, create_graph: bool) -> None:
    # A leaf owns its gradient: the incoming one may be shared with another leaf, or be a view of an input.
    leaf.grad = _copy(grad, create_graph) if leaf.grad is None else leaf.grad + grad


def _copy(grad: Tensor, create_graph: bool) -> Tensor:
    return grad * 1 if create_graph else Tensor(array_module(grad.data).array(grad.data, order="K"))


def _upstream(name: str, output: Tensor, grad: Tensor | None) -> Tensor:
    if not isinstance(output, Tensor):
        raise TypeError(f"{name}: outputs must be Tensors, not {type(output).__name__}")
    if not output.requires_grad:
        raise RuntimeError(f"{name}: the output does not require a gradient: nothing it was computed from does")
    if grad is None:
        if output.numel() != 1:
            raise ValueError(f"{name}: the output has shape {output.shape}; give the gradient to start from, or sum it")
        return Tensor(array_module(output.data).ones(output.shape, output.dtype))
    if not isinstance(grad, Tensor):
        raise TypeError(f"{name}: the gradient must be a Tensor, not {type(grad).__name__}")
    if grad.shape != output.shape:
        raise ValueError(f"{name}: the gradient has shape {grad.shape} but the output has {output.shape}")
    if device_of(grad.data) != output.device:
        raise ValueError(f"{name}: the gradient is on {grad.device!r} but the output on {output.device!r}")
    return grad.to(output.dtype)


def backward(
    tensor: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add to `grad` of every leaf that `tensor` was computed from the derivative of `tensor` times `gradient`.

    Parameters
    ----------
    gradient : Tensor of the tensor's shape, optional
        The upstream gradient; may be left out for a tensor with one entry, where it is 1.
    retain_graph : bool, optional
        Keep what was saved, so that backward can run again. Default: the value of `create_graph`.
    create_graph : bool
        Record the backward computation too, for derivatives of higher order. Default False.

    Raises
    ------
    RuntimeError
        If nothing requires a gradient, or the graph has been freed by an earlier backward.
    ValueError
        If `gradient` is missing or has the wrong shape.
    """
    upstream = _upstream("backward", tensor, gradient)
    _run([tensor], [upstream], None, create_graph if retain_graph is None else retain_graph, create_graph)


def retain_grad(tensor: Tensor) -> None:
    """Ask `backward` to leave this interior tensor's gradient in `grad`, as it does for leaves."""
    if not tensor.requires_grad:
        raise RuntimeError("retain_grad: the tensor does not require a gradient")
    if tensor.grad_fn is not None:
        tensor.grad_fn._retained = weakref.ref(tensor)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, touching no `grad` attribute.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
    grad_outputs : Tensor or sequence, optional
        One upstream gradient for each output; 1 where an output has one entry.
    retain_graph, create_graph : as in `backward`
    allow_unused : bool
        Return None for an input that the outputs do not depend on, instead of raising. Default False.

    Raises
    ------
    RuntimeError
        If an input does not require a gradient, or is not part of the graph.
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None:
        starts = [None] * len(outputs)
    else:
        starts = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    if len(starts) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(starts)} grad_outputs")
    upstream = [_upstream("grad", output, start) for output, start in zip(outputs, starts, strict=True)]
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            raise RuntimeError(f"grad: input {i} is not a Tensor that requires a gradient")
    found = _run(outputs, upstream, inputs, create_graph if retain_graph is None else retain_graph, create_graph)
    results = [found.get(x.grad_fn or x) for x in inputs]
    for i, result in enumerate(results):
        if result is None and not allow_unused:
            raise RuntimeError(f"grad: the outputs do not depend on input {i}; allow_unused=True returns None for it")
    return tuple(None if result is None else _copy(result, create_graph) for result in results)
