"""Module: something with parameters, made of parameters, buffers and other modules, in the order they were assigned."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minipose.autograd.hooks import HookHandle, add_hook
from minipose.kernels import to_device
from minipose.nn.backward_hooks import call_with_backward_hooks
from minipose.nn.parameter import Parameter
from minipose.tensor import Tensor

Hook = Callable[["Module", tuple, Any], Any]


class IncompatibleKeys(NamedTuple):
    """The names that only one side of `load_state_dict` has.

    Attributes
    ----------
    missing_keys : list of str
        Of the module, but not given.
    unexpected_keys : list of str
        Given, but not of the module.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of all layers and networks, as `torch.nn.Module`.

    A subclass calls `super().__init__()` first, assigns its parameters and submodules to attributes, and defines
    `forward`. Names, order and array layouts of `state_dict` are torch's.

    Attributes
    ----------
    training : bool
        Whether the module behaves as in training (batch statistics) or as in use; set by `train` and `eval`.
    """

    training: bool

    def __init__(self) -> None:
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, training=True)
        self.__dict__.update(_forward_pre_hooks={}, _forward_hooks={}, _backward_hooks={})

    def forward(self, *inputs: Any) -> Any:
        """Compute the result; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not written")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not (self._forward_pre_hooks or self._forward_hooks or self._backward_hooks):
            return self.forward(*inputs, **options)
        for hook in list(self._forward_pre_hooks.values()):
            replaced = hook(self, inputs)
            if replaced is not None:
                inputs = replaced if isinstance(replaced, tuple) else (replaced,)
        if self._backward_hooks:
            result = call_with_backward_hooks(self, inputs, options)
        else:
            result = self.forward(*inputs, **options)
        for hook in list(self._forward_hooks.values()):
            replaced = hook(self, inputs, result)
            result = result if replaced is None else replaced
        return result

    def __setattr__(self, name: str, value: Any) -> None:
        tables = self.__dict__
        if "_parameters" not in tables:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
        table = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        if table is None:
            self._check_may_replace(name, value)
            if name in tables["_buffers"]:
                tables["_buffers"][name] = value
                return
        else:
            self._check_name(name)
        for other in ("_parameters", "_buffers", "_modules"):
            if other != table:
                tables[other].pop(name, None)
        if table is None:
            super().__setattr__(name, value)
        else:
            tables.pop(name, None)
            tables[table][name] = value

    def _check_may_replace(self, name: str, value: Any) -> None:
        # A plain Tensor in a parameter's place would compute the same, and never be learnt, moved or saved.
        for table, kind in (("_parameters", Parameter), ("_buffers", Tensor), ("_modules", Module)):
            if name in self.__dict__[table] and value is not None and not isinstance(value, kind):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is registered as a {kind.__name__}; assign a {kind.__name__} or "
                    f"None, not a {type(value).__name__}"
                )

    def _check_name(self, name: str) -> None:
        if "." in name:
            raise ValueError(f"{type(self).__name__}: the name {name!r} must not hold a dot, which separates levels")

    def __getattr__(self, name: str) -> Any:  # called only where the usual look-up has found nothing
        tables = self.__dict__
        if "_parameters" not in tables:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before using {name!r}")
        for table in (tables["_parameters"], tables["_buffers"], tables["_modules"]):
            if name in table:
                return table[name]
        known = [*tables["_parameters"], *tables["_buffers"], *tables["_modules"], *tables, *dir(type(self))]
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[table]:
                del self.__dict__[table][name]
                return
        super().__delattr__(name)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Assign a parameter under a name that is computed; None stands for one that is left out."""
        if parameter is not None and not isinstance(parameter, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter, not {type(parameter).__name__}")
        setattr(self, name, parameter)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Add a tensor that belongs to the state but is not learnt, as batch normalisation's running mean."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor, not {type(tensor).__name__}")
        self._check_name(name)
        taken = {*self.__dict__, *self._parameters, *self._modules, *dir(type(self))}
        if name in taken:
            raise ValueError(f"register_buffer: {type(self).__name__} has an attribute {name!r} already")
        self._buffers[name] = tensor

    def register_forward_hook(self, hook: Hook) -> HookHandle:
        """Call `hook(module, inputs, result)` after every forward, until the returned handle's `remove()`.

        What the hook returns, unless it is None, takes the result's place.
        """
        return add_hook("register_forward_hook", self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple], Any]) -> HookHandle:
        """Call `hook(module, inputs)` before every forward; what it returns, unless it is None, are the inputs then."""
        return add_hook("register_forward_pre_hook", self._forward_pre_hooks, hook)

    def register_full_backward_hook(self, hook: Callable[[Module, tuple, tuple], Any]) -> HookHandle:
        """Call `hook(module, grad_input, grad_output)` in every backward, when the inputs' gradients are known.

        Both are tuples, with None where there is no gradient. What the hook returns, unless it is None, takes the
        place of `grad_input`; it must return a tuple of the same length.
        """
        return add_hook("register_full_backward_hook", self._backward_hooks, hook)

    def has_hooks(self) -> bool:
        """Whether any hook of this module, not of those in it, would be called."""
        return bool(self._forward_pre_hooks or self._forward_hooks or self._backward_hooks)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield every module in this one, itself first, with its dotted name; a shared one once."""
        return self._named_modules(prefix, set())

    def _named_modules(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            yield from module._named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self) -> Iterator[Module]:
        """Yield every module in this one, itself first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly in this one, with their names."""
        return iter(self._modules.items())

    def children(self) -> Iterator[Module]:
        """Yield the modules directly in this one."""
        return iter(self._modules.values())

    def _named(self, table: str) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, tensor in getattr(module, table).items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield f"{prefix}.{name}" if prefix else name, tensor

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its dotted name; a shared one once."""
        return self._named("_parameters")

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every buffer with its dotted name."""
        return self._named("_buffers")

    def buffers(self) -> Iterator[Tensor]:
        """Yield every buffer."""
        return (buffer for _, buffer in self.named_buffers())

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """Return all parameters and buffers by name: detached Tensors that share the arrays."""
        state = {}
        for table in ("_parameters", "_buffers"):
            state.update({prefix + n: t.detach() for n, t in getattr(self, table).items() if t is not None})
        for name, module in self._modules.items():
            state.update(module.state_dict(f"{prefix}{name}."))
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers, keeping their dtype, device and memory layout.

        Parameters
        ----------
        state : mapping of names to Tensors, arrays, or anything NumPy takes, such as torch's CPU tensors
        strict : bool
            Whether names may neither be missing nor be left over. Default True.

        Returns
        -------
        IncompatibleKeys
            `missing_keys` and `unexpected_keys`, as torch returns them. With strict=False look at both: nothing else
            tells that a name does not fit.

        Raises
        ------
        ValueError
            If names, shapes or kinds do not fit; all are named, and nothing has been changed.
        """
        own = self.state_dict()
        given = {name: v.data if isinstance(v, Tensor) else np.asarray(v) for name, v in state.items()}
        keys = IncompatibleKeys([n for n in own if n not in given], [n for n in given if n not in own])
        problems = [f"{name} is missing" for name in keys.missing_keys] if strict else []
        problems += [f"{name} is not part of the model" for name in keys.unexpected_keys] if strict else []
        for name, tensor in own.items():
            if name in given and given[name].shape != tensor.shape:
                problems.append(f"{name} has shape {given[name].shape} but the model's has {tensor.shape}")
            elif name in given and given[name].dtype.kind not in "fiub":
                problems.append(f"{name} holds {given[name].dtype} instead of real numbers")
        if problems:
            raise ValueError(f"load_state_dict: {type(self).__name__} does not fit: {'; '.join(problems)}")
        for name, tensor in own.items():
            if name in given:
                tensor.data[...] = to_device(given[name], tensor.device)
                tensor.bump_version()  # shared with the parameter, whose array it is
        return keys

    def train(self, mode: bool = True) -> Module:
        """Set `training` here and below, and return the module."""
        if not isinstance(mode, bool):
            raise TypeError(f"train: mode must be True or False, not {mode!r}")
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self) -> Module:
        """Set the module to how it behaves in use; autograd is not touched (for that there is `no_grad`)."""
        return self.train(False)

    def to(self, target: Any) -> Module:
        """Move to a device ("cpu", "cuda") or convert floating-point values to a dtype, in place; return the module.

        Gradients go along; what an optimiser keeps does not, so call this before its first step.

        Raises
        ------
        TypeError
            If `target` is neither a device nor a floating-point dtype.
        """
        device = target if isinstance(target, str) and target in ("cpu", "cuda") else None
        dtype = None if device else _floating_point(target)
        for tensor in [*self.parameters(), *self.buffers()]:
            for t in (tensor, tensor.grad):
                if t is not None and device:
                    t.data = to_device(t.data, device)
                elif t is not None and t.dtype.kind == "f":
                    t.data = t.data.astype(dtype, copy=False)
        return self

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set whether the parameters are learnt, and return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call `function` on every module, children before their parents, and return the module."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def extra_repr(self) -> str:
        """Return what stands in the parentheses of `repr`."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = "\n  ".join([self.extra_repr(), *children] if self.extra_repr() else children)
        return f"{type(self).__name__}(\n  {lines}\n)"


def _floating_point(target: Any) -> np.dtype:
    try:
        dtype = np.dtype(target)
    except TypeError:
        dtype = None
    if target is None or dtype is None or dtype.kind != "f":
        raise TypeError(f"to: expected 'cpu', 'cuda' or a floating-point dtype, not {target!r}")
    return dtype
