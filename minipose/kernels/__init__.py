"""The heavy loops, once per device: the arrays that an operation is given choose the kernels it runs.

`reference` (NumPy, any dtype) reads as the formulas do; `cpu` (Numba, float32) and `cuda` (CuPy) have the
same functions with the same signatures.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from minipose.kernels import reference

Array = Any  # numpy.ndarray or cupy.ndarray
_FLOAT32 = np.dtype(np.float32)


def kernels_of(array: Array) -> ModuleType:
    """Return the kernels for `array`: `cuda` on a GPU, `cpu` for float32 on the host, else `reference`."""
    if not isinstance(array, np.ndarray):
        return _load("minipose.kernels.cuda")
    return _load("minipose.kernels.cpu") if array.dtype == _FLOAT32 else reference


def array_module(array: Array) -> ModuleType:
    """Return `numpy` or `cupy`, whichever `array` belongs to."""
    return np if isinstance(array, np.ndarray) else cupy()


@cache
def _load(name: str) -> ModuleType:
    # Numba and CuPy take seconds to import; who never runs a kernel never waits for them.
    return importlib.import_module(name)


@cache
def cupy() -> ModuleType:
    """Import CuPy and make sure that a GPU answers.

    Raises
    ------
    RuntimeError
        If CuPy is not installed or no NVIDIA driver is found.
    """
    try:
        module = importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "device 'cuda' needs CuPy, which is not installed: pip install 'minipose[gpu]', or use device 'cpu'"
        ) from error
    if not module.cuda.is_available():
        raise RuntimeError("device 'cuda' needs an NVIDIA GPU and its driver, and none was found: use device 'cpu'")
    return module


def to_device(array: Array, device: str) -> Array:
    """Return `array` on `device` ("cpu" or "cuda"); the same array where it is there already."""
    if device == "cpu":
        return array if isinstance(array, np.ndarray) else array.get()
    if device == "cuda":
        return cupy().asarray(array) if isinstance(array, np.ndarray) else array
    raise ValueError(f"device must be 'cpu' or 'cuda', not {device!r}")


def device_of(array: Array) -> str:
    """Return "cpu" or "cuda"."""
    return "cpu" if isinstance(array, np.ndarray) else "cuda"
