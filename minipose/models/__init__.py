"""Networks by name: `create("hourglass", width=32)`."""

from __future__ import annotations

import inspect
from typing import Any

from minipose.models.cascade import CascadeStage
from minipose.models.deeppose import DeepPose
from minipose.models.hourglass import Hourglass
from minipose.nn import Module

_MODELS: dict[str, type[Module]] = {"deeppose": DeepPose, "hourglass": Hourglass}


def names() -> list[str]:
    """Return the names that `create` knows."""
    return sorted(_MODELS)


def create(name: str, **options: Any) -> Module:
    """Build a network.

    Parameters
    ----------
    name : one of `names()`
    **options : of the network's class

    Raises
    ------
    ValueError
        If the name or an option is unknown.
    """
    if not isinstance(name, str) or name not in _MODELS:
        raise ValueError(f"create: there is no model {name!r}; there are {', '.join(names())}")
    known = inspect.signature(_MODELS[name]).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"create: {name} has no option {unknown[0]!r}; there are {', '.join(known)}")
    return _MODELS[name](**options)


__all__ = ["CascadeStage", "DeepPose", "Hourglass", "create", "names"]
