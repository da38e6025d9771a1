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
    state : for each parameter, in order, a dict of what is kept for it

    Raises
    ------
    ValueError, TypeError
        If there are no parameters, one comes twice, or one is not a leaf that requires a gradient.
    """

    def __init__(self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        given = list(parameters)
        if not given:
            raise ValueError(f"{name}: there are no parameters; was a generator used up?")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        seen: set[int] = set()
        for group in groups:
            tensors = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
            for p in tensors:
                if not isinstance(p, Tensor) or not p.is_leaf or not p.requires_grad:
                    raise TypeError(f"{name}: parameters must be leaf Tensors that require gradients, not {p!r}")
                if id(p) in seen:
                    raise ValueError(f"{name}: a parameter of shape {p.shape} is listed twice")
                seen.add(id(p))
            unknown = set(group) - set(defaults) - {"params"}
            if unknown:
                raise ValueError(f"{name}: unknown option {sorted(unknown)[0]!r}; there are {', '.join(defaults)}")
            self.param_groups.append({**defaults, **group, "params": tensors})
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
                if p.grad is not None:
                    self.update(p, state, group)

    def update(self, parameter: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
        """Change one parameter in place, and its state; every optimiser writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: update is not written")

    def state_dict(self) -> dict[str, Any]:
        """Return {"state": {place: arrays and numbers}, "param_groups": options and the places of parameters}."""
        groups, start = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**group, "params": list(range(start, start + count))})
            start += count
        return {"state": {i: dict(state) for i, state in enumerate(self.state) if state}, "param_groups": groups}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; arrays are copied to where their parameters are.

        Raises
        ------
        ValueError
            If groups or shapes do not fit; then nothing has been changed.
        """
        name = type(self).__name__
        parameters = self.parameters()
        counts = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in saved["param_groups"]] != counts:
            raise ValueError(f"{name}.load_state_dict: the groups have other numbers of parameters than {counts}")
        state: list[dict[str, Any]] = [{} for _ in parameters]
        for i, values in saved["state"].items():
            p = parameters[int(i)]
            for key, value in values.items():
                if np.ndim(value) and tuple(value.shape) != p.shape:
                    raise ValueError(f"{name}.load_state_dict: {key} of parameter {i} is {value.shape}, not {p.shape}")
                state[int(i)][key] = _copy_like(value, p) if np.ndim(value) else value
        self.state = state
        for group, loaded in zip(self.param_groups, saved["param_groups"], strict=True):
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in loaded.items() if k != "params"}
            group.update(options)


def _copy_like(value: Any, parameter: Tensor) -> Any:
    """Return a copy of `value` with the parameter's device and memory layout."""
    result = array_module(parameter.data).empty_like(parameter.data)
    result[...] = to_device(value, parameter.device)
    return result
