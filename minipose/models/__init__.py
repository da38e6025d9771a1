"""Networks by name: `create("hourglass", width=32, head="scalar")`."""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

from minipose.models.cascade import CascadeStage
from minipose.models.deeppose import DeepPose
from minipose.models.heads import HEADS
from minipose.models.hourglass import Hourglass
from minipose.models.hrnet import HRNet
from minipose.models.inception import Inception
from minipose.models.mobilenet_v2 import MobileNetV2
from minipose.models.resnet import ResNet
from minipose.models.se_resnet import SEResNet
from minipose.models.simple_baseline import SimpleBaseline
from minipose.models.stacked_hourglass import StackedHourglass
from minipose.models.unet import UNet
from minipose.nn import Module

_MODELS: dict[str, type[Module]] = {
    "deeppose": DeepPose,
    "hourglass": Hourglass,
    "hrnet": HRNet,
    "inception": Inception,
    "mobilenet_v2": MobileNetV2,
    "resnet": ResNet,
    "se_resnet": SEResNet,
    "simple_baseline": SimpleBaseline,
    "stacked_hourglass": StackedHourglass,
    "unet": UNet,
}


def names() -> list[str]:
    """Return the names that `create` knows."""
    return sorted(_MODELS)


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a network and their defaults.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if not isinstance(name, str) or name not in _MODELS:
        raise ValueError(f"create: there is no model {name!r}; there are {', '.join(names())}")
    return {option: p.default for option, p in inspect.signature(_MODELS[name]).parameters.items()}


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
    known = options_of(name)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"create: {name} has no option {unknown[0]!r}; there are {', '.join(known)}")
    return _MODELS[name](**options)


def read_option(text: str) -> tuple[str, Any]:
    """Read "name=value", as command lines give it; the value is what JSON or Python writes so, or else a word.

    Read are numbers, lists and tuples (both as lists, which is what a saved configuration has), true or True, null or
    None. "1,2", without brackets, is a tuple too.

    Raises
    ------
    ValueError
        If the text is something else.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--option must be NAME=VALUE, as width=16, not {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        pass
    try:
        literal = ast.literal_eval(value)
        plain = literal is None or isinstance(literal, (bool, int, float, tuple, list))
        return name, json.loads(json.dumps(literal)) if plain else value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # all that literal_eval may raise
        return name, value


__all__ = [
    "CascadeStage", "DeepPose", "HEADS", "HRNet", "Hourglass", "Inception", "MobileNetV2", "ResNet", "SEResNet",
    "SimpleBaseline", "StackedHourglass", "UNet", "create", "names", "options_of", "read_option",
]  # fmt: skip
