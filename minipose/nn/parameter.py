"""Parameter: a Tensor that a Module learns."""

from __future__ import annotations

import numpy as np

from minipose.kernels import Array
from minipose.tensor import Tensor


class Parameter(Tensor):
    """A leaf that requires a gradient, and that a Module registers when it is assigned to an attribute.

    Parameters
    ----------
    data : array or Tensor
        Wrapped, not copied.
    requires_grad : bool
        Default True.
    """

    __slots__ = ()

    def __init__(self, data: Array | Tensor, requires_grad: bool = True) -> None:
        data = data.data if isinstance(data, Tensor) else data
        if not isinstance(getattr(data, "dtype", None), np.dtype) or data.dtype.kind != "f":
            kind = getattr(data, "dtype", type(data).__name__)
            raise TypeError(f"Parameter: data must be a NumPy or CuPy array of floating-point numbers, not {kind}")
        if not isinstance(requires_grad, bool):
            raise TypeError(f"Parameter: requires_grad must be True or False, not {requires_grad!r}")
        super().__init__(data, requires_grad)
