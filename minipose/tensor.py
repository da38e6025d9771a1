"""Tensor: an array, and the operation that made it. What makes tensors is in `minipose.creation`.

The operators and methods that compute (`+`, `sum`, `reshape`, `backward`, ...) live in `minipose.ops` and are
attached to the class by `minipose.ops.methods`, so that this file knows nothing of any operation.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minipose.checks import OutOfRange, check_flag, one_axis
from minipose.kernels import Array, device_of, to_device

if TYPE_CHECKING:
    from minipose.autograd import Function

float32, float64 = np.dtype("float32"), np.dtype("float64")
int64, uint8, bool_ = np.dtype("int64"), np.dtype("uint8"), np.dtype("bool")


def as_dtype(name: str, dtype: Any) -> np.dtype:
    """Return `dtype`, given by name, by NumPy's class or by itself, as NumPy's.

    Raises
    ------
    TypeError
        If it is not a data type of numbers or booleans.
    """
    try:
        result = np.dtype(dtype) if isinstance(dtype, (str, type, np.dtype)) else None  # a Tensor has a dtype too
    except (TypeError, ValueError, SyntaxError):  # SyntaxError: NumPy's for "3,"
        result = None
    if result is None or result.kind not in "fiub":
        raise TypeError(f"{name}: dtype must be float32, float64, int64, uint8 or bool, not {dtype!r}")
    return result


class Version:
    """Counts the writes to an array, for all Tensors that are views of it."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


def memory_owner(array: Array) -> Array:
    """Return the array whose memory this one uses: itself, or the one that it is a view of."""
    base = array.base
    return base if isinstance(base, type(array)) else array


def _checked(data: Any) -> Array:
    """Return `data` if a Tensor can wrap it; NumPy's scalars become arrays."""
    if isinstance(data, Tensor):
        raise TypeError("Tensor: data is a Tensor already; use detach() to share it or minipose.tensor to copy it")
    if isinstance(data, np.generic):
        data = np.asarray(data)
    if not isinstance(getattr(data, "dtype", None), np.dtype) or data.dtype.kind not in "fiub":
        kind = getattr(data, "dtype", type(data).__name__)
        raise TypeError(f"Tensor: data must be a NumPy or CuPy array of numbers, not {kind}; see minipose.tensor")
    return data


class Tensor:
    """An array that remembers how it was computed.

    Parameters
    ----------
    data : numpy.ndarray or cupy.ndarray
        The values, of any shape; the array is wrapped, not copied. `minipose.tensor` copies and converts.
    requires_grad : bool
        Whether `backward` shall leave the gradient with respect to this tensor in `grad`. Default False.

    Attributes
    ----------
    data : the array; may be assigned, or changed in place (`x.data -= 1`). Where backward still needs the old values it
        raises; what it cannot see is a write through NumPy (`x.data[0] = 1`): follow that with `bump_version`.
    grad : the accumulated gradient, a Tensor, or None.
    requires_grad : whether a gradient flows to this tensor.
    grad_fn : the Function that made it; None for a leaf.
    """

    __slots__ = ("_data", "version", "grad", "requires_grad", "grad_fn", "_hooks", "__weakref__")
    __array_ufunc__ = None  # so that numpy_array + tensor calls Tensor.__radd__

    def __init__(self, data: Array, requires_grad: bool = False) -> None:
        if type(data) is not np.ndarray or data.dtype.kind not in "fiub":
            data = _checked(data)
        if requires_grad is not False:
            check_flag("Tensor", "requires_grad", requires_grad)
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(f"Tensor: only floating-point tensors can require gradients, not dtype {data.dtype}")
        self._data = data
        self.version = Version()
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad
        self.grad_fn: Function | None = None
        self._hooks: dict | None = None

    def _set_data(self, data: Array) -> None:
        self._data = data
        self.version.count += 1

    data = property(operator.attrgetter("_data"), _set_data, doc="The array.")

    def bump_version(self) -> None:
        """Say that the array has been written to, so that a backward that needs its old values raises."""
        self.version.count += 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype:
        """The data type, as NumPy names it."""
        return self._data.dtype

    @property
    def device(self) -> str:
        """Where the array is: "cpu" or "cuda"."""
        return device_of(self._data)

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made this tensor."""
        return self.grad_fn is None

    def size(self, dim: int | None = None) -> int | tuple[int, ...]:
        """Return the shape, or the length of axis `dim`."""
        if dim is None:
            return self.shape
        if self.ndim == 0:
            raise OutOfRange("size: a 0-d tensor has no axes")
        return self.shape[one_axis("size", dim, self.ndim)]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of entries."""
        return int(self._data.size)

    def detach(self) -> Tensor:
        """Return a leaf with the same array, cut off from the graph."""
        result = Tensor(self.data)
        result.version = self.version
        return result

    def item(self) -> float | int | bool:
        """Return the only entry as a Python number.

        Raises
        ------
        ValueError
            If the tensor has more or fewer than one entry.
        """
        if self.data.size != 1:
            raise ValueError(f"item: the tensor has {self.data.size} entries (shape {self.shape}), not one")
        return self.data.item()

    def numpy(self) -> np.ndarray:
        """Return the array on the host, not a copy.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient: writing into the array would go unnoticed by backward.
        TypeError
            If the tensor is on the GPU.
        """
        if self.requires_grad:
            raise RuntimeError("numpy: the tensor requires a gradient; use tensor.detach().numpy()")
        if self.device != "cpu":
            raise TypeError("numpy: the tensor is on 'cuda'; use tensor.cpu().numpy()")
        return self.data

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` of a leaf in place and return the tensor."""
        if not self.is_leaf:
            raise RuntimeError("requires_grad_: only a leaf's flag can be changed; use detach() first")
        check_flag("requires_grad_", "requires_grad", requires_grad)
        if requires_grad and self.dtype.kind != "f":
            raise TypeError(f"requires_grad_: only floating-point tensors can require gradients, not {self.dtype}")
        self.requires_grad = requires_grad
        return self

    def tolist(self) -> Any:
        """Return the values as nested Python lists."""
        return self.data.tolist()

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ValueError(f"bool: the truth of a tensor of shape {self.shape} is ambiguous; reduce it first")
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __repr__(self) -> str:
        host = to_device(self.data, "cpu")
        values = np.array2string(host, separator=", ", precision=4, threshold=100, prefix="tensor(")
        notes = [values]
        if self.dtype not in (float32, int64, bool_):
            notes.append(f"dtype={self.dtype}")
        if self.device != "cpu":
            notes.append(f"device='{self.device}'")
        if self.grad_fn is not None:
            notes.append(f"grad_fn=<{self.grad_fn.name}>")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"
