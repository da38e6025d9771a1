"""Parameter: a Tensor that a Module learns."""

from __future__ import annotations

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
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad)
