"""Networks by name: `create("hourglass", width=32)`."""

from __future__ import annotations

from typing import Any

from minipose.models.hourglass import Hourglass
from minipose.nn import Module

_MODELS: dict[str, type[Module]] = {"hourglass": Hourglass}


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
    if name not in _MODELS:
        raise ValueError(f"create: there is no model {name!r}; there are {', '.join(names())}")
    try:
        return _MODELS[name](**options)
    except TypeError as error:
        raise ValueError(f"create: {name}: {error}") from None


__all__ = ["Hourglass", "create", "names"]
