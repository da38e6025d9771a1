"""Checkpoints: a model's state, and what is needed to go on training, in one safetensors file.

The model's arrays stand under torch's names and in torch's layouts, so that the file opens in PyTorch too.
Everything else is numbers: nothing in it is ever executed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from minipose import models
from minipose.files import write_durably
from minipose.kernels import Array, to_device
from minipose.nn import Module
from minipose.optim import Optimizer
from minipose.train.ema import EMA

FORMAT = "minipose checkpoint 2"
OLDER = ("minipose checkpoint 1",)  # their networks are as today's
OPTIMIZER, AVERAGE = "optimizer.", "ema."


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    model : dict of arrays, as `Module.state_dict` names them
    architecture : the model's name in the registry, and its options
    training : numbers of the run (step, settings, ...), as they were saved
    optimizer : the optimiser's state, or None
    average : the moving average of the weights by name, or None
    """

    model: dict[str, np.ndarray]
    architecture: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] | None = None
    average: dict[str, np.ndarray] | None = None

    def build(self) -> Module:
        """Return the network of this checkpoint, in eval mode."""
        model = models.create(self.architecture["name"], **self.architecture["options"])
        model.load_state_dict(self.model)
        return model.eval()


def save_checkpoint(
    path: str | os.PathLike,
    model: Module,
    architecture: dict[str, Any],
    training: dict[str, Any] | None = None,
    optimizer: Optimizer | None = None,
    ema: EMA | None = None,
) -> None:
    """Write a checkpoint under a temporary name and rename it, so that a crash or a full disk leaves the old one whole.

    Parameters
    ----------
    path : where to, ending in .safetensors
    model : Module
    architecture : {"name": name in the registry, "options": its keyword arguments}
    training : numbers to keep with it, as JSON
    optimizer : Optimizer, optional
    ema : EMA, optional

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If the model has a part named "optimizer" or "ema", whose arrays would be taken for something else.
    """
    arrays = {name: in_row_order(t.data) for name, t in model.state_dict().items()}
    for name in arrays:
        if name.startswith((OPTIMIZER, AVERAGE)):
            raise ValueError(f"save_checkpoint: {name} of the model needs another name: optimizer and ema are taken")
    metadata = {
        "format": FORMAT,
        "architecture": json.dumps(architecture),
        "training": json.dumps(training or {}),
    }
    if optimizer is not None:
        state = optimizer.state_dict()
        numbers: dict[str, dict[str, Any]] = {}
        for i, values in state["state"].items():
            for name, value in values.items():
                if isinstance(value, np.ndarray):
                    arrays[f"{OPTIMIZER}{i}.{name}"] = in_row_order(value)
                else:
                    numbers.setdefault(str(i), {})[name] = value
        metadata["optimizer"] = json.dumps({"numbers": numbers, "param_groups": state["param_groups"]})
    if ema is not None:
        arrays.update({AVERAGE + name: in_row_order(array) for name, array in ema.arrays.items()})
    write_durably(path, save(arrays, metadata))


def in_row_order(array: Array) -> np.ndarray:
    """Return a copy on the CPU, the last axis changing fastest, as a safetensors file has it."""
    return np.array(to_device(array, "cpu"), order="C")


def load_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a minipose checkpoint, or is truncated.
    """
    arrays, metadata = read_arrays("load_checkpoint", path, (FORMAT, *OLDER))
    model = {name: array for name, array in arrays.items() if not name.startswith((OPTIMIZER, AVERAGE))}
    average = {name.removeprefix(AVERAGE): a for name, a in arrays.items() if name.startswith(AVERAGE)}
    return Checkpoint(
        model,
        json.loads(metadata["architecture"]),
        json.loads(metadata["training"]),
        _optimizer_state(arrays, metadata),
        average or None,
    )


def read_arrays(
    caller: str, path: str | os.PathLike, formats: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays and the metadata of a safetensors file in one of these formats, of which the first is today's.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its format is none of these, or it is truncated.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{caller}: there is no file {path}")
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{caller}: {path} is not a whole safetensors file: {error}") from None
    if metadata.get("format") not in formats:
        raise ValueError(
            f"{caller}: {path} is a safetensors file, but its format must be {formats[0]!r}, not "
            f"{metadata.get('format')!r}"
        )
    return arrays, metadata


def _optimizer_state(arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> dict[str, Any] | None:
    if "optimizer" not in metadata:
        return None
    saved = json.loads(metadata["optimizer"])
    state: dict[int, dict[str, Any]] = {int(i): dict(values) for i, values in saved["numbers"].items()}
    for key, array in arrays.items():
        if key.startswith(OPTIMIZER):
            i, name = key.removeprefix(OPTIMIZER).split(".", 1)
            state.setdefault(int(i), {})[name] = array
    return {"state": state, "param_groups": saved["param_groups"]}
