"""The walk back through the graph: `backward` and `grad`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minipose.autograd.function import Function
from minipose.autograd.hooks import HookHandle, add_hook
from minipose.autograd.mode import switched
from minipose.kernels import array_module, device_of, kernels_of
from minipose.tensor import Tensor


class GraphError(RuntimeError, ValueError):
    """A gradient is asked for that no graph can give: torch's RuntimeError, and the ValueError of a wrong argument."""


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
            edges = function.edges
            while i < len(edges) and (not isinstance(edges[i], Function) or edges[i] in seen):
                i += 1
            if i < len(edges):
                stack.append((function, i + 1))
                stack.append((edges[i], 0))
            else:
                finished.append(function)
    return finished[::-1]


def _run(
    outputs: Sequence[Tensor],
    output_grads: Sequence[Tensor],
    targets: Sequence[Tensor] | None,
    retain_graph: bool,
    create_graph: bool,
) -> tuple[dict[Any, Tensor], set[Any]]:
    """Walk back from `outputs`. With `targets` return their gradients by edge; without, add them to the leaves.

    The second result are the leaves whose gradients share memory with nothing else.
    """
    found: dict[Any, Tensor] = {}
    grads: dict[Any, Tensor] = {}
    fresh: set[Any] = set()

    def receive(edge: Function | Tensor, grad: Tensor, own: bool = False) -> None:
        # Out of place: the same gradient may be on its way to several inputs.
        own = own or edge in grads
        grads[edge] = grads[edge] + grad if edge in grads else grad
        if own and isinstance(edge, Tensor) and not edge._hooks and not create_graph:
            fresh.add(edge)

    with switched(recording=create_graph):
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
            if function._hooks:
                grad = _call_hooks(function, grad)
            kept = function.retained and function.retained()
            if kept is not None and targets is None:
                _accumulate(kept, grad, create_graph)
            if edges_wanted is not None and function in edges_wanted:
                found[function] = grad
            wanted = tuple([e is not None and (edges_wanted is None or e in leads) for e in function.edges])
            if True in wanted:
                for edge, g in zip(function.edges, function.run_backward(grad, wanted), strict=True):
                    if g is not None:
                        receive(edge, g, function.fresh_gradients and g is not grad)
            if not retain_graph:
                function.free()
        for leaf in list(grads):
            grad = grads.pop(leaf)
            if leaf._hooks:
                grad = _call_hooks(leaf, grad)
            if targets is None:
                _accumulate(leaf, grad, create_graph, leaf in fresh)
            else:
                found[leaf] = grad
    return found, fresh


def _call_hooks(edge: Function | Tensor, grad: Tensor) -> Tensor:
    for hook in list(edge._hooks.values()):
        replaced = hook(grad)
        if replaced is None:
            continue
        if not isinstance(replaced, Tensor) or (replaced.shape, replaced.dtype) != (grad.shape, grad.dtype):
            given = f"{replaced.shape} {replaced.dtype}" if isinstance(replaced, Tensor) else repr(replaced)
            raise ValueError(f"hook: must return None or a Tensor of shape {grad.shape} and {grad.dtype}, not {given}")
        grad = replaced
    return grad


def _accumulate(leaf: Tensor, grad: Tensor, create_graph: bool, fresh: bool = False) -> None:
    # A leaf owns its gradient: unless it is fresh, it may be shared with another leaf, or be a view of an input.
    if leaf.grad is not None:
        leaf.grad = leaf.grad + grad
    else:
        leaf.grad = grad if fresh else _copy(grad, create_graph)


def _copy(grad: Tensor, create_graph: bool) -> Tensor:
    return grad * 1 if create_graph else Tensor(kernels_of(grad.data).copy(grad.data))


def _upstream(name: str, output: Tensor, grad: Tensor | None) -> Tensor:
    if not isinstance(output, Tensor):
        raise TypeError(f"{name}: outputs must be Tensors, not {type(output).__name__}")
    if not output.requires_grad:
        raise GraphError(f"{name}: the output does not require a gradient: nothing it was computed from does")
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
    _check_flags("backward", retain_graph=retain_graph, create_graph=create_graph)
    upstream = _upstream("backward", tensor, gradient)
    _run([tensor], [upstream], None, create_graph if retain_graph is None else retain_graph, create_graph)


def retain_grad(tensor: Tensor) -> None:
    """Ask `backward` to leave this interior tensor's gradient in `grad`, as it does for leaves."""
    if not tensor.requires_grad:
        raise GraphError("retain_grad: the tensor does not require a gradient")
    if tensor.grad_fn is not None:
        tensor.grad_fn.retained = weakref.ref(tensor)


def register_hook(tensor: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """Call `hook(gradient)` whenever the whole gradient of this tensor is known, before it flows on or is added.

    What the hook returns, unless it is None, takes the gradient's place. `remove()` of the result ends it.

    Raises
    ------
    RuntimeError
        If no gradient flows to the tensor.
    TypeError
        If the hook cannot be called.
    ValueError
        In backward, if the hook returns something else than a Tensor of the gradient's shape and dtype.
    """
    if not tensor.requires_grad:
        raise GraphError("register_hook: the tensor does not require a gradient")
    place = tensor.grad_fn or tensor
    if place._hooks is None:
        place._hooks = {}
    return add_hook("register_hook", place._hooks, hook)


def _several(argument: str, given: Tensor | Sequence[Tensor | None]) -> list[Any]:
    if not isinstance(given, (Tensor, list, tuple)):
        raise TypeError(f"grad: {argument} must be a Tensor or a list of them, not {given!r}")
    return [given] if isinstance(given, Tensor) else list(given)


def _check_flags(name: str, retain_graph: bool | None, **flags: bool) -> None:
    if retain_graph is not None:
        flags["retain_graph"] = retain_graph
    for argument, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}: {argument} must be True or False, not {value!r}")


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
    _check_flags("grad", retain_graph=retain_graph, create_graph=create_graph, allow_unused=allow_unused)
    outputs, inputs = _several("outputs", outputs), _several("inputs", inputs)
    starts = [None] * len(outputs) if grad_outputs is None else _several("grad_outputs", grad_outputs)
    if len(starts) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(starts)} grad_outputs")
    upstream = [_upstream("grad", output, start) for output, start in zip(outputs, starts, strict=True)]
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: input {i} must be a Tensor, not {type(x).__name__}")
        if not x.requires_grad:
            raise ValueError(f"grad: input {i}, of shape {x.shape}, does not require a gradient")
    retain_graph = create_graph if retain_graph is None else retain_graph
    found, fresh = _run(outputs, upstream, inputs, retain_graph, create_graph)
    results = []
    for i, x in enumerate(inputs):
        edge = x.grad_fn or x
        result = found.get(edge)
        if result is None and not allow_unused:
            raise GraphError(f"grad: the outputs do not depend on input {i}; allow_unused=True returns None for it")
        results.append(result if result is None or edge in fresh else _copy(result, create_graph))
        fresh.discard(edge)  # the same input may be asked for twice
    return tuple(results)
