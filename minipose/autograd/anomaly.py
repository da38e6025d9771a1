"""Who made the first NaN: what `detect_anomaly` does at every operation."""

from __future__ import annotations

import traceback
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minipose.kernels import Array, array_module, to_device
from minipose.tensor import Tensor

if TYPE_CHECKING:
    from minipose.autograd.function import Function

_PACKAGE = str(Path(__file__).parents[1])


def users_line() -> str:
    """Return the innermost line of the program that is not the engine's own, as "file:line: code"."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(_PACKAGE):
            return f"{frame.filename}:{frame.lineno}: {frame.line}"
    return "an unknown line"


def finite(array: Array) -> bool:
    """Return whether no entry is NaN or infinite; integers never are."""
    return array.dtype.kind != "f" or bool(array_module(array).isfinite(array).all())


def fingerprint(array: Array) -> int:
    """Return a checksum of an array's bytes."""
    return zlib.crc32(to_device(array, "cpu").tobytes())


def _problem(array: Array) -> str:
    host = to_device(array, "cpu")
    return "a NaN" if (host != host).any() else "an infinity"


def check_result(function: Function, inputs: tuple[Any, ...], array: Array) -> None:
    """Remember where `function` was applied, and raise if it made the first NaN or infinity."""
    function.made_at = users_line()
    if not finite(array) and all(finite(x.data) for x in inputs if isinstance(x, Tensor)):
        raise RuntimeError(f"{function.name}: the result holds {_problem(array)}; made at {function.made_at}")


def check_gradients(function: Function, grad: Tensor, grads: tuple[Tensor | None, ...]) -> None:
    """Raise if the backward of `function` made the first NaN or infinity."""
    if not finite(grad.data):
        raise RuntimeError(f"backward: the gradient that reaches {function.name} holds {_problem(grad.data)} already")
    where = function.made_at or "a line that is not known; run forward inside detect_anomaly() too"
    for i, g in enumerate(grads):
        if g is not None and not finite(g.data):
            raise RuntimeError(
                f"backward: the gradient of input {i} of {function.name} holds {_problem(g.data)}; "
                f"forward was at {where}"
            )
