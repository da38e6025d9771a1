"""What optimisers share: the parameters in groups, and the state kept for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minipose.kernels import array_module, to_device
from minipose.tensor import Tensor


class Optimizer:
    """Base of all optimisers, as `torch.optim.Optimizer`.

    Parameters
    ----------
    parameters : iterable of Tensors, or of dicts
        A dict {"params": [...], ...} makes a group with options of its own.
    defaults : dict
        The options of groups that do not set them.

    Attributes
    ----------
    param_groups : list of dicts, each with "params" and its options; a schedule changes "lr" here
    state : for each parameter, in order, {"step": how often it was updated, name: array for each of `moments`}, or
        {} before its first update
    moments : names of the arrays that are kept for each parameter, zero at first; every optimiser says its own

    Raises
    ------
    ValueError, TypeError
        If there are no parameters, one comes twice, one is not a leaf that requires a gradient, or an option is unknown
        or out of range.
    """

    moments: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(parameters, (Tensor, Mapping)):
            raise TypeError(f"{name}: params must be a list of Tensors or of dicts, not a {type(parameters).__name__}")
        given = list(parameters)
        if not given:
            raise ValueError(f"{name}: there are no parameters; was a generator used up?")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        seen: set[int] = set()
        for group in groups:
            unknown = set(group) - set(defaults) - {"params"}
            if unknown:
                raise ValueError(f"{name}: unknown option {min(unknown)!r}; there are {', '.join(defaults)}")
            if "params" not in group:
                raise ValueError(f"{name}: a group has no 'params'")
            tensors = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
            for p in tensors:
                if not isinstance(p, Tensor) or not p.is_leaf or not p.requires_grad:
                    raise TypeError(f"{name}: parameters must be leaf Tensors that require gradients, not {p!r}")
                if id(p) in seen:
                    raise ValueError(f"{name}: a parameter of shape {p.shape} is listed twice")
                seen.add(id(p))
            self.param_groups.append({**defaults, **group, "params": tensors})
            self.check_options(self.param_groups[-1])
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters()]

    def parameters(self) -> list[Tensor]:
        """Return the parameters of all groups, in order."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        states = iter(self.state)
        for group in self.param_groups:
            for p in group["params"]:
                state = next(states)
                if p.grad is None:
                    continue
                if not state:
                    zeros_like = array_module(p.data).zeros_like  # keeps the memory layout
                    state.update(step=0, **{name: zeros_like(p.data) for name in self.moments})
                state["step"] += 1
                self.update(p, state, group)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError where an option is out of range; every optimiser writes its own."""

    def update(self, parameter: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
        """Change one parameter in place, and its state; every optimiser writes its own."""
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

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; arrays are copied to where their parameters are.

        Raises
        ------
        ValueError
            If groups, options, names or shapes do not fit; then nothing has been changed.
        """
        name = f"{type(self).__name__}.load_state_dict"
        groups = [{k: tuple(v) if isinstance(v, list) else v for k, v in g.items()} for g in saved["param_groups"]]
        own, given = [[len(g["params"]) for g in some] for some in (self.param_groups, groups)]
        if own != given:
            raise ValueError(f"{name}: the saved groups have {given} parameters, not {own}")
        for group, loaded in zip(self.param_groups, groups, strict=True):
            if set(group) != set(loaded):
                raise ValueError(f"{name}: a saved group has the options {sorted(loaded)}, not {sorted(group)}")
            self.check_options(loaded)
        parameters = self.parameters()
        state: list[dict[str, Any]] = [{} for _ in parameters]
        for place, values in saved["state"].items():
            if not 0 <= int(place) < len(parameters) or set(values) != {"step", *self.moments}:
                raise ValueError(f"{name}: there is no parameter {place} that keeps {', '.join(sorted(values))}")
            p, state[int(place)]["step"] = parameters[int(place)], int(values["step"])
            for key in self.moments:
                if np.shape(values[key]) != p.shape:
                    raise ValueError(f"{name}: {key} of parameter {place} is {np.shape(values[key])}, not {p.shape}")
                state[int(place)][key] = _copy_like(values[key], p)
        self.state = state
        for group, loaded in zip(self.param_groups, groups, strict=True):
            group.update({**loaded, "params": group["params"]})


def _copy_like(value: Any, parameter: Tensor) -> Any:
    """Return a copy of `value` with the parameter's dtype, device and memory layout."""
    result = array_module(parameter.data).empty_like(parameter.data)
    result[...] = to_device(np.asarray(value), parameter.device)
    return result
