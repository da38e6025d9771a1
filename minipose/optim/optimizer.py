"""What optimisers share: parameters in groups with options, the state kept for each, and saving it as torch does."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from minipose.autograd import enable_grad
from minipose.checks import check_flag, check_number
from minipose.kernels import Array, array_module, device_of, to_device
from minipose.tensor import Tensor

# What schedules write into the groups, as in torch.
NOTES = {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"}
# What stands in torch's groups besides and changes no result: which of its implementations runs, and names.
NOT_OURS = {"foreach", "fused", "capturable", "differentiable", "param_names"}


class Optimizer:
    """Base of all optimisers, as `torch.optim.Optimizer`.

    Parameters
    ----------
    params : iterable of Tensors, or of dicts
        A dict {"params": [...], ...} makes a group with options of its own. Parameters without a gradient are left
        alone, so frozen ones may be among them.
    defaults : dict
        The options of groups that do not set them.

    Attributes
    ----------
    param_groups : list of dicts, each with "params" and its options; a schedule changes "lr" here
    state : for each parameter, in order, what is kept for it by name: arrays, and "step", how often it was updated; {}
        before its first update
    required, optional : names of what is kept for every parameter, and of what is kept under some options; every
        optimiser says its own

    Raises
    ------
    ValueError, TypeError
        If there are no parameters, one comes twice, one is not a floating-point leaf, or an option is unknown or out
        of range.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, (Tensor, Mapping, Set, str)) or not isinstance(params, Iterable):
            raise TypeError(f"{name}: params must be a list of Tensors or of dicts, not a {type(params).__name__}")
        self.defaults = plain(defaults)
        self.check_options(self.defaults)
        self.param_groups: list[dict[str, Any]] = []
        self.state: list[dict[str, Any]] = []
        given = list(params)
        if not given:
            raise ValueError(f"{name}: there are no parameters; was a generator used up?")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : {"params": Tensor or iterable of Tensors, ...}
            With options of its own; the others are those the optimiser was made with.

        Raises
        ------
        ValueError, TypeError
            As the optimiser itself; then nothing has been changed.
        """
        name = type(self).__name__
        if not isinstance(param_group, Mapping):
            raise TypeError(f"{name}: a group must be a dict, not a {type(param_group).__name__}")
        unknown = set(param_group) - {*self.defaults, *NOTES, "params"}
        if unknown:
            known = ", ".join(self.defaults)
            raise ValueError(f"{name}: unknown option {min(map(str, unknown))!r}; there are {known}")
        if "params" not in param_group:
            raise ValueError(f"{name}: a group has no 'params'")
        given = param_group["params"]
        if isinstance(given, (Set, Mapping, str)) or not isinstance(given, (Tensor, Iterable)):
            raise TypeError(f"{name}: params of a group must be Tensors in an order, not a {type(given).__name__}")
        tensors = [given] if isinstance(given, Tensor) else list(given)
        seen = set(map(id, self.parameters()))
        for p in tensors:
            if not isinstance(p, Tensor) or not p.is_leaf or p.dtype.kind != "f":
                raise TypeError(f"{name}: parameters must be leaf Tensors of floating-point numbers, not {p!r}")
            if id(p) in seen:
                raise ValueError(f"{name}: a parameter of shape {p.shape} is listed twice")
            seen.add(id(p))
        options = plain({**self.defaults, **param_group, "params": None})
        self.check_options(options)
        self.param_groups.append({**options, "params": tensors})
        self.state.extend({} for _ in tensors)

    def parameters(self) -> list[Tensor]:
        """Return the parameters of all groups, in order."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zeros if `set_to_none` is False."""
        check_flag(f"{type(self).__name__}.zero_grad", "set_to_none", set_to_none)
        for p in self.parameters():
            if p.grad is not None:
                p.grad = None if set_to_none else Tensor(array_module(p.grad.data).zeros_like(p.grad.data))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        closure : function, optional
            Called first: computes the loss anew with its gradients, and returns it.

        Returns
        -------
        What `closure` returned, or None

        Raises
        ------
        ValueError, TypeError
            If a gradient, or what is kept for a parameter, has another shape, dtype or device than the parameter; then
            nothing has been changed.
        """
        loss = None
        if closure is not None:
            if not callable(closure):
                raise TypeError(f"{type(self).__name__}.step: closure must be a function, not {closure!r}")
            with enable_grad():
                loss = closure()
        for _, parameters, states in self._with_gradient():
            for p, state in zip(parameters, states, strict=True):
                self._check_step(p, state)
        with np.errstate(all="ignore"):  # what has grown beyond all bounds is infinite, and seen as that
            for group, parameters, states in self._with_gradient():
                self.update_group([p.data for p in parameters], [p.grad.data for p in parameters], states, group)
                for p in parameters:
                    p.bump_version()
        return loss

    def _with_gradient(self) -> Iterator[tuple[dict[str, Any], list[Tensor], list[dict[str, Any]]]]:
        """Yield each group with those of its parameters that have a gradient, and their states."""
        states = iter(self.state)
        for group in self.param_groups:
            pairs = [(p, next(states)) for p in group["params"]]
            pairs = [(p, state) for p, state in pairs if p.grad is not None]
            yield group, [p for p, _ in pairs], [state for _, state in pairs]

    def _check_step(self, p: Tensor, state: dict[str, Any]) -> None:
        name = f"{type(self).__name__}.step"
        if not isinstance(p.grad, Tensor):
            raise TypeError(f"{name}: the gradient of a parameter must be a Tensor, not {p.grad!r}")
        if not _same_kind(p.grad.data, p.data):
            found = _in_words(p.grad.data)
            raise ValueError(f"{name}: the gradient must be {_in_words(p.data)} as its parameter, not {found}")
        for key, value in state.items():
            if key != "step" and not _same_kind(value, p.data):
                raise ValueError(
                    f"{name}: {key} is {_in_words(value)}, but its parameter is {_in_words(p.data)}: change the model "
                    f"before the first step, or take the state along with load_state_dict(state_dict())"
                )
        if not getattr(p.data.flags, "writeable", True):
            raise ValueError(f"{name}: the array of a parameter, {_in_words(p.data)}, is read-only")

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where an option is out of range; every optimiser writes its own."""

    def update_group(
        self,
        parameters: Sequence[Array],
        grads: Sequence[Array],
        states: Sequence[dict[str, Any]],
        options: Mapping[str, Any],
    ) -> None:
        """Change the arrays of one group's parameters in place, and their states: one after the other by `update`."""
        for parameter, grad, state in zip(parameters, grads, states, strict=True):
            self.update(parameter, grad, state, options)

    def update(self, parameter: Array, grad: Array, state: dict[str, Any], options: Mapping[str, Any]) -> None:
        """Change the array of one parameter in place, and its state; every optimiser writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: update is not written")

    def state_dict(self) -> dict[str, Any]:
        """Return the state as numbers and NumPy arrays, which on the host are not copied.

        Returns
        -------
        {"state": {place: {name: value}}, "param_groups": [{option: value, ..., "params": places}, ...]}
            As torch's; the place of a parameter is its position among those of all groups.
        """
        groups, start = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**group, "params": list(range(start, start + count))})
            start += count
        state = {
            i: {key: value if key == "step" else to_device(value, "cpu") for key, value in values.items()}
            for i, values in enumerate(self.state)
            if values
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in torch; arrays are copied to where their parameters are.

        Flags that the saved groups do not have stay as they are.

        Raises
        ------
        ValueError, TypeError
            If groups, options, names or shapes do not fit; then nothing has been changed.
        """
        name = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise TypeError(f"{name}: expected a dict with 'state' and 'param_groups', as state_dict returns")
        saved, kept = state_dict["param_groups"], state_dict["state"]
        if not isinstance(saved, (list, tuple)) or not isinstance(kept, Mapping):
            raise TypeError(f"{name}: 'param_groups' must be a list and 'state' a dict")
        if not all(isinstance(g, Mapping) and isinstance(g.get("params"), (list, tuple)) for g in saved):
            raise TypeError(f"{name}: each saved group must be a dict with a list of 'params'")
        own, given = [[len(g["params"]) for g in groups] for groups in (self.param_groups, saved)]
        if own != given:
            raise ValueError(f"{name}: the saved groups have {given} parameters, not {own}")
        groups = [self._loaded_group(name, *pair) for pair in zip(self.param_groups, saved, strict=True)]
        places = self._places(name, saved)
        parameters = self.parameters()
        state: list[dict[str, Any]] = [{} for _ in parameters]
        for place, values in kept.items():
            if place not in places:
                raise ValueError(f"{name}: there is state for a parameter {place!r}, which is in no saved group")
            state[places[place]] = self._loaded_state(name, place, values, parameters[places[place]])
        self.param_groups[:], self.state = groups, state

    def _places(self, name: str, saved: Iterable[Mapping[str, Any]]) -> dict[Any, int]:
        places = [place for group in saved for place in group["params"]]
        if not all(isinstance(place, Hashable) for place in places) or len(set(places)) != len(places):
            raise ValueError(f"{name}: the saved params must be numbers of parameters, each once")
        return {place: i for i, place in enumerate(places)}

    def _loaded_group(self, name: str, own: dict[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
        options = {key: value for key, value in saved.items() if key not in NOT_OURS}
        missing = {key for key, value in self.defaults.items() if not isinstance(value, bool)} - set(options)
        unknown = set(options) - {*self.defaults, *NOTES, "params"}
        if missing or unknown:
            keys, expected = sorted(map(str, options)), sorted([*self.defaults, "params"])
            raise ValueError(f"{name}: a saved group has the options {', '.join(keys)}, not {', '.join(expected)}")
        options = plain({**own, **options, "params": None})
        self.check_options(options)
        return {**options, "params": own["params"]}

    def _loaded_state(self, name: str, place: Any, values: Any, p: Tensor) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            raise TypeError(f"{name}: the state of parameter {place} must be a dict, not {values!r}")
        values = {key: value for key, value in values.items() if value is not None}
        if not set(self.required) <= set(values) <= {*self.required, *self.optional}:
            found = ", ".join(sorted(map(str, values)))
            raise ValueError(f"{name}: for parameter {place} is kept {found}, not {', '.join(self.required)}")
        result = {}
        for key, value in values.items():
            array = _host_array(f"{name}: {key} of parameter {place}", value)
            shape = () if key == "step" else p.shape
            if array.shape != shape:
                raise ValueError(f"{name}: {key} of parameter {place} is {array.shape}, not {shape}")
            if key != "step":
                result[key] = _copy_like(array, p)
            elif array < 0 or array != np.floor(array) or array == np.inf:
                raise ValueError(f"{name}: step of parameter {place} must be an integer from 0 up, not {array}")
            else:
                result[key] = int(array)
        return result


def check_from_zero(name: str, options: Mapping[str, Any], *which: str) -> None:
    """Raise unless these options are finite numbers from 0 up."""
    for option in which:
        check_number(name, option, options[option], 0, sys.float_info.max)


def effective_gradient(parameter: Array, grad: Array, options: Mapping[str, Any]) -> Array:
    """Return the gradient, negated under `maximize`, plus `weight_decay` times the parameter."""
    if options["maximize"]:
        grad = -grad
    return grad + options["weight_decay"] * parameter if options["weight_decay"] else grad


def kept(state: dict[str, Any], key: str, parameter: Array, value: float = 0.0) -> Array:
    """Return the array that is kept under `key`; at first it is full of `value`, in the parameter's memory layout."""
    if key not in state:
        state[key] = array_module(parameter).full_like(parameter, value)
    return state[key]


def plain(value: Any) -> Any:
    """Return numbers as floats of Python, which JSON can hold and which do not change an array's dtype."""
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    value = value.item() if isinstance(value, np.generic) else value
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if number and abs(value) <= sys.float_info.max else value  # the rest is for the checks


def _same_kind(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and device_of(a) == device_of(b)


def _in_words(array: Array) -> str:
    return f"{array.shape} {array.dtype} on {device_of(array)!r}"


def _host_array(what: str, value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        return to_device(value.data, "cpu")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{what} is no array on the host: {error}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{what} must hold numbers, not {array.dtype}")
    return array


def _copy_like(array: np.ndarray, parameter: Tensor) -> Array:
    """Return a copy with the parameter's dtype, device and memory layout."""
    result = array_module(parameter.data).empty_like(parameter.data)
    result[...] = to_device(array, parameter.device)
    return result
