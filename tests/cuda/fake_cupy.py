"""A strict stand-in for cupy, for machines without a GPU: NumPy does the arithmetic, CuPy's rules are enforced.

Its arrays are not NumPy arrays and never mix with them: what CuPy refuses is refused, and so is what CuPy would do in
silence but differently (wrap an index that is out of range, leave the order of duplicate writes open). It offers only
what the engine uses, with no keyword more; `test_signatures` looks all of it up in the real CuPy. Memory from `empty`
is poisoned. Every copy between host and device, and every wait for the device, is counted in `events`.
"""

from __future__ import annotations

import builtins
import importlib
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minipose.kernels import reference

events: list[tuple[str, str]] = []  # ("to_host" | "to_device" | "wait", what)
_forbidden = [False]

ATTRIBUTES = ("shape", "dtype", "ndim", "size", "strides", "nbytes", "itemsize", "flags")
OPERATORS = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "lt", "le", "gt", "ge", "eq", "ne",
)  # fmt: skip
REFLECTED = ("add", "sub", "mul", "truediv", "pow", "matmul", "and", "or")
IN_PLACE = ("add", "sub", "mul", "truediv", "and", "or")
UNARY = ("neg", "abs", "invert")
METHODS = {  # name: the keywords that it takes
    "sum": ("axis", "keepdims"),
    "mean": ("axis",),
    "var": ("axis",),
    "max": ("axis", "keepdims"),
    "min": ("axis", "keepdims"),
    "argmax": ("axis",),
    "argmin": ("axis",),
    "reshape": (),
    "transpose": (),
}
UFUNCS = (
    "abs", "add", "cos", "exp", "expm1", "floor", "isfinite", "isnan", "log", "log1p", "maximum", "minimum", "rint",
    "sign", "sin", "sqrt", "tanh",
)  # fmt: skip
FUNCTIONS = {  # name: the keywords that it takes
    "broadcast_to": (),
    "concatenate": ("axis",),
    "cumsum": ("axis", "dtype"),
    "matmul": (),
    "pad": ("constant_values",),
    "take": ("axis",),
    "take_along_axis": (),
    "where": (),
    "zeros_like": (),
}
CREATION = ("arange", "array", "asarray", "empty", "empty_like", "full", "full_like", "ones", "zeros")


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
    return ndarray(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value


def _operand(value: Any) -> Any:
    """Return what NumPy computes with: a device array's memory, or a number."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, (builtins.bool, int, float, np.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")  # NumPy arrays and lists land here, as in CuPy


def _argument(value: Any) -> Any:
    """As `_operand`, for arguments of functions: axes, shapes, dtypes and sequences of arrays pass too."""
    if isinstance(value, (tuple, list)):
        return type(value)(_argument(v) for v in value)
    return value if value is None or isinstance(value, (str, type, np.dtype)) else _operand(value)


def _check_keywords(name: str, given: dict[str, Any], known: tuple[str, ...]) -> None:
    for keyword in given:
        if keyword not in known:
            raise TypeError(f"the stand-in's {name} has no keyword {keyword!r}: look whether CuPy's has, and add it")


def _index(array: np.ndarray, key: Any, writing: builtins.bool) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    result, arrays, axis = [], [], 0
    for part in parts:
        if isinstance(part, (np.ndarray, list)):
            raise TypeError("the index is a host array: a hidden copy to the device")
        if isinstance(part, ndarray):
            part = part._host
            if part.dtype == np.bool_:
                raise TypeError("a boolean mask as index: its result's size is known on the device only")
            if part.size and (part.min() < -array.shape[axis] or part.max() >= array.shape[axis]):
                raise AssertionError(f"CuPy would wrap an index out of range for axis {axis} of {array.shape}")
            arrays.append(part)
        if part is Ellipsis:
            axis += array.ndim - sum(p is not None and p is not Ellipsis for p in parts)
        elif part is not None:
            axis += 1
        result.append(part)
    if writing and arrays:
        places = np.stack(np.broadcast_arrays(*arrays), -1).reshape(-1, len(arrays))
        if len(np.unique(places, axis=0)) != len(places):
            raise AssertionError("duplicate indices in a write: the order is undefined on a GPU")
    return tuple(result)


_by_host: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class ndarray:
    """An array on the pretended device."""

    __hash__ = None

    def __init__(self, host: np.ndarray) -> None:
        self._host = host
        _by_host.setdefault(id(host), self)

    @property
    def base(self) -> ndarray | None:
        """The array that this one is a view of."""
        host = self._host.base
        known = _by_host.get(id(host))
        return ndarray(host) if known is None and host is not None else known

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, *arguments: Any, **options: Any) -> Any:
        raise TypeError(f"numpy.{ufunc.__name__} called on a device array")

    def __array_function__(self, function: Any, kinds: Any, arguments: Any, options: Any) -> Any:
        if function in (np.ndim, np.shape):  # they look at no entry
            return function(self._host)
        raise TypeError(f"numpy.{function.__name__} called on a device array")

    def get(self) -> np.ndarray:
        _record("to_host", "get")
        return self._host.copy(order="C")

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
        self._host[_index(self._host, key, True)] = _operand(value)

    def astype(self, dtype: Any, order: str = "K", copy: builtins.bool = True) -> ndarray:
        return _wrap(self._host.astype(dtype, order=order, copy=copy))

    def fill(self, value: Any) -> None:
        self._host.fill(_operand(value))

    def copy(self, order: str = "C") -> ndarray:
        return _wrap(self._host.copy(order=order))

    @property
    def T(self) -> ndarray:
        return _wrap(self._host.T)


def _attribute(name: str) -> property:
    return property(lambda self: getattr(self._host, name))


def _method(name: str) -> Callable:
    def method(self: ndarray, *arguments: Any, **options: Any) -> Any:
        _check_keywords(f"ndarray.{name}", options, METHODS[name])
        return _wrap(getattr(self._host, name)(*map(_argument, arguments), **options))

    return method


def _operator(name: str) -> Callable:
    def method(self: ndarray, *others: Any) -> Any:
        if any(getattr(other, "__array_ufunc__", True) is None for other in others):
            return NotImplemented  # the other operand wants to do it: NumPy's and CuPy's protocol
        return _wrap(getattr(self._host, name)(*map(_operand, others)))

    return method


def _in_place(name: str) -> Callable:
    def method(self: ndarray, other: Any) -> ndarray:
        getattr(self._host, name)(_operand(other))
        return self

    return method


def _function(name: str) -> Callable:
    def function(*arguments: Any, **options: Any) -> Any:
        _check_keywords(name, options, FUNCTIONS[name])
        return _wrap(getattr(np, name)(*map(_argument, arguments), **options))

    return function


def _ufunc(name: str) -> Callable:
    def function(*operands: Any) -> Any:
        if not any(isinstance(a, ndarray) for a in operands):
            raise TypeError(f"cupy.{name}: no device array among the operands")
        return _wrap(getattr(np, name)(*map(_operand, operands)))

    return function


def _erf(x: ndarray) -> ndarray:
    return ndarray(reference.erf(_operand(x)))


special = types.SimpleNamespace(erf=_erf)  # cupyx.scipy.special

for _name in ATTRIBUTES:
    setattr(ndarray, _name, _attribute(_name))
for _name in (*OPERATORS, *(f"r{n}" for n in REFLECTED), *UNARY):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in IN_PLACE:
    setattr(ndarray, f"__i{_name}__", _in_place(f"__i{_name}__"))
for _name in METHODS:
    setattr(ndarray, _name, _method(_name))
for _name in FUNCTIONS:
    globals()[_name] = _function(_name)
for _name in UFUNCS:
    globals()[_name] = _ufunc(_name)


def _add_at(a: ndarray, indices: Any, b: ndarray) -> None:
    np.add.at(a._host, _index(a._host, indices, False), b._host)


add.at = _add_at  # noqa: F821  defined by the loop above


def asarray(a: Any, dtype: Any = None) -> ndarray:
    if isinstance(a, ndarray):
        return a if dtype in (None, a.dtype) else a.astype(dtype)
    _record("to_device", "asarray")
    host = np.asarray(a, dtype)
    return ndarray(host.copy(order="A"))  # C or Fortran order: CuPy keeps no other layout of a host array


def array(obj: Any, dtype: Any = None, order: str = "K") -> ndarray:
    return obj.astype(dtype or obj.dtype, order=order) if isinstance(obj, ndarray) else asarray(obj, dtype)


def _poisoned(host: np.ndarray) -> ndarray:
    host.fill(np.nan if host.dtype.kind == "f" else 0x5A)
    return ndarray(host)


def empty(shape: Any, dtype: Any = float) -> ndarray:
    return _poisoned(np.empty(shape, dtype))


def empty_like(prototype: ndarray) -> ndarray:
    return _poisoned(np.empty_like(_operand(prototype)))


def full_like(a: ndarray, fill_value: Any, dtype: Any = None) -> ndarray:
    return ndarray(np.full_like(_operand(a), fill_value, dtype))


def zeros(shape: Any, dtype: Any = float) -> ndarray:
    return ndarray(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = float) -> ndarray:
    return ndarray(np.ones(shape, dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> ndarray:
    return ndarray(np.full(shape, _operand(fill_value), dtype))


def arange(start: int) -> ndarray:
    return ndarray(np.arange(start))


def _as_strided(x: ndarray, shape: Any, strides: Any) -> ndarray:
    return _wrap(np.lib.stride_tricks.as_strided(x._host, shape, strides))


int64 = np.int64
lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=_as_strided))
cuda = types.SimpleNamespace(is_available=lambda: True)


def __getattr__(name: str) -> Any:
    if name in ("ElementwiseKernel", "ReductionKernel"):  # their file needs this one
        return getattr(importlib.import_module("tests.cuda.fake_kernels"), name)
    raise AttributeError(f"the stand-in does not know cupy.{name}: look whether the real one does, and add it")
