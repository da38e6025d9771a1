"""Upsampling layers."""

from __future__ import annotations

from minipose.nn.module import Module
from minipose.ops import interpolate
from minipose.tensor import Tensor


class Upsample(Module):
    """Resize images, as `torch.nn.Upsample`; see `minipose.nn.functional.interpolate`.

    Parameters
    ----------
    size : int or (OH, OW), in pixels; either this or scale_factor
    scale_factor : float or (vertical, horizontal)
    mode : {"nearest", "bilinear"}
    align_corners : bool, optional
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ValueError("Upsample: give either size or scale_factor")
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, OH, OW)."""
        return interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        target = f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        return f"{target}, mode={self.mode!r}"
