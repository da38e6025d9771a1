"""How a module's backward hooks come to see its gradients.

The tensors that enter a module, and those that leave it, are exchanged for stand-ins, each made by a `Gate`. In
backward every gate hands the gradient that it receives to one `Joint`, behind which the true tensors lie: so the hooks
see all gradients together, and what they return goes on to the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minipose.autograd import Function, is_grad_enabled
from minipose.kernels import Array, array_module
from minipose.tensor import Tensor

if TYPE_CHECKING:
    from minipose.nn.module import Module


Gradients = tuple[Tensor | None, ...]


class Joint(Function):
    """A function of several tensors, whose gradients are those that the gates collected, as `passed` gives them on."""

    name = "module_hook"

    def forward(self, *arrays: Array, passed: Callable[[Gradients], Gradients]) -> Array:
        self.passed = passed
        self.collected: dict[int, Tensor] = {}
        return array_module(arrays[0]).zeros((), arrays[0].dtype)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> Gradients:
        return self.passed(tuple(self.collected.pop(i, None) for i in range(len(wanted))))


class Gate(Function):
    """The identity of one tensor; its gradient waits at the joint, to which it passes on nothing but the turn."""

    name = "module_gate"

    def forward(self, turn: Array, x: Array, place: int) -> Array:
        self.place = place
        return x

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> Gradients:
        self.edges[0].collected[self.place] = grad
        return Tensor(array_module(grad.data).zeros((), grad.dtype)), None


def _stand_ins(values: tuple, passed: Callable[[Gradients], Gradients]) -> tuple[tuple, bool]:
    """Return `values` with stand-ins for the Tensors that require gradients, and whether there is one.

    `passed` is given the gradients of all values, None where there is none, and returns those that go on.
    """
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad and is_grad_enabled()]
    if not places:
        return values, False

    def spread(grads: Gradients) -> Gradients:
        by_place = dict(zip(places, grads, strict=True))
        result = passed(tuple(by_place.get(i) for i in range(len(values))))
        return tuple(result[i] for i in places)

    turn = Joint.apply(*(values[i] for i in places), passed=spread)
    replaced = list(values)
    for place, i in enumerate(places):
        replaced[i] = Gate.apply(turn, values[i].detach(), place=place)
    return tuple(replaced), True


def call_with_backward_hooks(module: Module, inputs: tuple, options: dict[str, Any]) -> Any:
    """Run `module.forward` so that the module's backward hooks are called in backward."""
    seen: list[Gradients] = []  # the gradients of the outputs, until those of the inputs are known

    def call(grad_input: Gradients) -> Gradients:
        if not seen:  # a derivative of the module's gradient has come by, not through its outputs
            return grad_input
        grad_output = seen.pop()
        for hook in list(module._backward_hooks.values()):
            replaced = hook(module, grad_input, grad_output)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, tuple) else (replaced,)
            if len(replaced) != len(grad_input):
                raise ValueError(
                    f"register_full_backward_hook: the hook returned {len(replaced)} gradients, not {len(grad_input)}"
                )
            grad_input = replaced
        return grad_input

    def leave(grad_output: Gradients) -> Gradients:
        seen.append(grad_output)
        if not waiting:
            call((None,) * len(inputs))
        return grad_output

    stand_ins, waiting = _stand_ins(inputs, call)
    result = module.forward(*stand_ins, **options)
    if isinstance(result, Tensor):
        return _stand_ins((result,), leave)[0][0]
    if isinstance(result, (tuple, list)):
        outputs = _stand_ins(tuple(result), leave)[0]
        return type(result)(*outputs) if hasattr(result, "_fields") else type(result)(outputs)
    return result
