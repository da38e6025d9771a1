"""Parameter: a Tensor that a Module learns."""

from __future__ import annotations

import numpy as np

from minipose.checks import check_flag
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
        check_flag("Parameter", "requires_grad", requires_grad)
        super().__init__(data, requires_grad)
