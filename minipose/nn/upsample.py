"""Upsampling layers."""

from __future__ import annotations

from minipose.checks import Pair, is_integer
from minipose.nn.module import Module
from minipose.ops import interpolate, pixel_shuffle, pixel_unshuffle
from minipose.ops.resize import check_resizing
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
        size: int | Pair | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__()
        values = check_resizing("Upsample", size, scale_factor, mode, align_corners)
        if scale_factor is not None:
            scale_factor = values if isinstance(scale_factor, (tuple, list)) else values[0]
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, OH, OW)."""
        return interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        target = f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        return f"{target}, mode={self.mode!r}"


class PixelShuffle(Module):
    """Turn channels into pixels, as `torch.nn.PixelShuffle`; see `minipose.nn.functional.pixel_shuffle`.

    Parameters
    ----------
    upscale_factor : int, at least 1
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = _factor("PixelShuffle", "upscale_factor", upscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., C, H r, W r) of (..., C r^2, H, W)."""
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Turn pixels into channels, as `torch.nn.PixelUnshuffle`; see `minipose.nn.functional.pixel_unshuffle`.

    Parameters
    ----------
    downscale_factor : int, at least 1
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = _factor("PixelUnshuffle", "downscale_factor", downscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., C r^2, H, W) of (..., C, H r, W r)."""
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


def _factor(name: str, argument: str, factor: int) -> int:
    if not is_integer(factor) or factor < 1:
        raise ValueError(f"{name}: {argument} must be a positive integer, not {factor!r}")
    return factor
