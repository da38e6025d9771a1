"""A strict stand-in for cupy, for machines without a GPU: NumPy does the arithmetic, CuPy's rules are enforced.

Its arrays are not NumPy arrays and never mix with them: what CuPy refuses is refused, and so is what CuPy would do in
silence but differently (wrap an index that is out of range, leave the order of duplicate writes open). Memory from
`empty` is poisoned. Every copy between host and device, and every wait for the device, is counted in `events`.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

events: list[tuple[str, str]] = []  # ("to_host" | "to_device" | "wait", what)
_forbidden = [False]
HOST_SCALARS = (builtins.bool, int, float, np.generic)


def _record(kind: str, what: str) -> None:
    events.append((kind, what))
    if _forbidden[0] and kind != "to_device":
        raise AssertionError(f"the host waits for the device: {what}")


@contextmanager
def no_waiting() -> Iterator[None]:
    """Fail where anything in the block copies to the host or waits for the device."""
    _forbidden[0] = True
    try:
        yield
    finally:
        _forbidden[0] = False


def _wrap(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return ndarray(np.asarray(value))
    return type(value)(_wrap(v) for v in value) if isinstance(value, (tuple, list)) else value


def _unwrap(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrap(v) for v in value)
    if value is None or isinstance(value, (*HOST_SCALARS, str, type, np.dtype)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")  # a NumPy array lands here, as in CuPy


def _index(array: np.ndarray, key: Any, writing: builtins.bool) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    result, axis = [], 0
    arrays = [p for p in parts if isinstance(p, ndarray)]
    for part in parts:
        if isinstance(part, np.ndarray):
            raise TypeError("the index is a host array: a hidden copy to the device")
        if isinstance(part, ndarray):
            part = part._host
            if part.dtype == np.bool_:
                _record("wait", "boolean mask")
            elif part.size and (part.min() < -array.shape[axis] or part.max() >= array.shape[axis]):
                raise AssertionError(f"CuPy would wrap an index out of range for axis {axis} of {array.shape}")
        if part is Ellipsis:
            axis += array.ndim - sum(p is not None and p is not Ellipsis for p in parts)
        elif part is not None:
            axis += 1
        result.append(part)
    if writing and arrays:
        places = np.stack(np.broadcast_arrays(*[a._host for a in arrays]), -1).reshape(-1, len(arrays))
        if len(np.unique(places, axis=0)) != len(places):
            raise AssertionError("duplicate indices in a write: the order is undefined on a GPU")
    return tuple(result) if isinstance(key, tuple) else result[0]


class ndarray:
    """An array on the pretended device."""

    __hash__ = None

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, *arguments: Any, **options: Any) -> Any:
        raise TypeError(f"numpy.{ufunc.__name__} called on a device array")

    def __array_function__(self, function: Any, *arguments: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} called on a device array")

    def get(self) -> np.ndarray:
        _record("to_host", "get")
        return self._host.copy(order="K")

    def item(self) -> Any:
        _record("wait", "item")
        return self._host.item()

    def tolist(self) -> Any:
        _record("to_host", "tolist")
        return self._host.tolist()

    def __float__(self) -> float:
        _record("wait", "float")
        return float(self._host)

    def __int__(self) -> int:
        _record("wait", "int")
        return int(self._host)

    def __bool__(self) -> builtins.bool:
        _record("wait", "bool")
        return bool(self._host)

    def __len__(self) -> int:
        return len(self._host)

    def __getitem__(self, key: Any) -> ndarray:
        return _wrap(self._host[_index(self._host, key, False)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._host[_index(self._host, key, True)] = _unwrap(value)

    def astype(self, dtype: Any, order: str = "K", copy: builtins.bool = True) -> ndarray:
        return _wrap(self._host.astype(dtype, order=order, copy=copy))

    def fill(self, value: Any) -> None:
        self._host.fill(_unwrap(value))

    def copy(self, order: str = "C") -> ndarray:
        return _wrap(self._host.copy(order=order))

    @property
    def T(self) -> ndarray:
        return _wrap(self._host.T)


def _attribute(name: str) -> property:
    return property(lambda self: getattr(self._host, name))


def _method(name: str) -> Callable:
    def method(self: ndarray, *arguments: Any, **options: Any) -> Any:
        options = {key: _unwrap(value) for key, value in options.items()}
        return _wrap(getattr(self._host, name)(*[_unwrap(a) for a in arguments], **options))

    return method


def _in_place(name: str) -> Callable:
    def method(self: ndarray, other: Any) -> ndarray:
        getattr(self._host, name)(_unwrap(other))
        return self

    return method


for _name in ("shape", "dtype", "ndim", "size", "strides", "nbytes", "itemsize", "flags"):
    setattr(ndarray, _name, _attribute(_name))
for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "and", "or"):
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
    setattr(ndarray, f"__r{_name}__", _method(f"__r{_name}__"))
    if _name not in ("matmul", "pow"):
        setattr(ndarray, f"__i{_name}__", _in_place(f"__i{_name}__"))
for _name in ("neg", "abs", "invert", "lt", "le", "gt", "ge", "eq", "ne"):
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
for _name in ("sum", "mean", "var", "max", "min", "argmax", "reshape", "transpose"):
    setattr(ndarray, _name, _method(_name))

UFUNCS = ("maximum", "sqrt", "exp", "log", "tanh", "sign", "isnan")
FUNCTIONS = (
    "broadcast_to", "concatenate", "matmul", "pad", "take", "take_along_axis", "where", "zeros_like",
)  # fmt: skip


def _function(name: str) -> Callable:
    def function(*arguments: Any, **options: Any) -> Any:
        if name in UFUNCS and not any(isinstance(a, ndarray) for a in arguments):
            raise TypeError(f"cupy.{name}: no device array among the operands")
        options = {key: _unwrap(value) for key, value in options.items()}
        return _wrap(getattr(np, name)(*[_unwrap(a) for a in arguments], **options))

    return function


for _name in (*UFUNCS, *FUNCTIONS):
    globals()[_name] = _function(_name)


def asarray(array: Any, dtype: Any = None) -> ndarray:
    if isinstance(array, ndarray):
        return array if dtype in (None, array.dtype) else array.astype(dtype)
    _record("to_device", "asarray")
    return ndarray(np.array(array, dtype, order="K"))


def array(array: Any, dtype: Any = None, order: str = "K") -> ndarray:
    return array.astype(dtype or array.dtype, order=order) if isinstance(array, ndarray) else asarray(array, dtype)


def empty(shape: Any, dtype: Any = float) -> ndarray:
    poison = np.nan if np.dtype(dtype).kind == "f" else 0x5A
    return ndarray(np.full(shape, poison, dtype))


def empty_like(array: ndarray) -> ndarray:
    result = np.empty_like(_unwrap(array))
    result.fill(np.nan if result.dtype.kind == "f" else 0x5A)
    return ndarray(result)


def full_like(array: ndarray, value: Any) -> ndarray:
    return ndarray(np.full_like(_unwrap(array), value))


def zeros(shape: Any, dtype: Any = float) -> ndarray:
    return ndarray(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = float) -> ndarray:
    return ndarray(np.ones(shape, dtype))


def full(shape: Any, value: Any, dtype: Any = None) -> ndarray:
    return ndarray(np.full(shape, value, dtype))


def arange(stop: int) -> ndarray:
    return ndarray(np.arange(stop))


int64 = np.int64
cuda = types.SimpleNamespace(is_available=lambda: True)
CONSTRUCTORS = ("arange", "array", "asarray", "empty", "empty_like", "full", "full_like", "ones", "zeros")


def __getattr__(name: str) -> Any:
    raise AttributeError(f"the stand-in does not know cupy.{name}: add it once the real cupy is seen to have it")


module = sys.modules[__name__]
