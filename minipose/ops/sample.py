"""Reading images at any positions: grids of positions, and the pixels that they mix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import check_choice, check_flag, check_memory, is_integer, letters
from minipose.kernels import array_module, to_device
from minipose.ops.checks import check_float_tensor
from minipose.ops.compare import where
from minipose.ops.index import Index
from minipose.ops.matmul import matmul
from minipose.tensor import Tensor


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the positions that an affine map sends the pixels of an image to, for `grid_sample`.

    Positions are (x, y) from -1 to 1: the centres of the corner pixels if align_corners, else the image's outer edges
    (Jaderberg et al. 2015, eq. 1).

    Parameters
    ----------
    theta : (N, 2, 3)
    size : (N, C, H, W) of the image to be made
    align_corners : bool, optional
        Default False.

    Returns
    -------
    (N, H, W, 2)

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit.
    """
    name = "affine_grid"
    check_float_tensor(name, "theta", theta)
    if not isinstance(size, (tuple, list)) or len(size) != 4 or not all(is_integer(n) and n > 0 for n in size):
        raise ValueError(f"{name}: size must be four positive integers N C H W, not {size!r}")
    if align_corners is not None:
        check_flag(name, "align_corners", align_corners)
    N, _, H, W = (int(n) for n in size)
    if theta.shape != (N, 2, 3):
        raise ValueError(f"{name}: theta must have shape (N, 2, 3) = ({N}, 2, 3), not {theta.shape}")
    check_memory(name, "grid", (N, H, W, 2))
    x, y = (_positions(n, bool(align_corners)) for n in (W, H))
    points = np.stack([np.broadcast_to(x, (H, W)), np.broadcast_to(y[:, None], (H, W)), np.ones((H, W))], -1)
    points = Tensor(to_device(points.reshape(1, H * W, 3).astype(theta.dtype), theta.device))
    return matmul(points, theta.transpose(1, 2)).reshape(N, H, W, 2)


def _positions(length: int, align_corners: bool) -> np.ndarray:
    if align_corners:
        return np.linspace(-1, 1, length) if length > 1 else np.zeros(1)
    return (2 * np.arange(length) + 1) / length - 1


def _reflect(position: Tensor, low: float, high: float) -> Tensor:
    """Return positions folded back into low..high as often as needed."""
    span = high - low
    if span <= 0:
        return position * 0
    distance = (position - low).abs()
    turns = array_module(distance.data).floor(distance.data / span)
    rest = distance - Tensor(turns * span)
    return where(Tensor(turns % 2 == 0), rest + low, high - rest)


def _pixels(grid: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Return positions from -1..1 in pixels; the centre of the first is 0."""
    position = (grid + 1) / 2 * (length - 1) if align_corners else ((grid + 1) * length - 1) / 2
    if padding_mode == "reflection":
        position = _reflect(position, *((0, length - 1) if align_corners else (-0.5, length - 0.5)))
    if padding_mode != "zeros":
        # The slope at and beyond the border is zero, as torch has it.
        position = where(position > 0, position, 0.0)
        position = where(position < length - 1, position, float(length - 1))
    return position


def _read(input: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Return (N, OH, OW, C): the pixels at whole-numbered positions (N, OH, OW), zeros outside."""
    module, (H, W) = array_module(input.data), input.shape[2:]
    inside = (row.data >= 0) & (row.data < H) & (column.data >= 0) & (column.data < W)
    h, w = (
        module.where(inside, position.data, position.dtype.type(0)).astype("int64") for position in (row, column)
    )
    n = module.arange(input.shape[0]).reshape(-1, 1, 1)
    values = Index.apply(input.permute(0, 2, 3, 1), index=(n, h, w))
    return values * Tensor(inside.astype(input.dtype)).unsqueeze(-1)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Read an image at the positions of a grid, as `torch.nn.functional.grid_sample`.

    Parameters
    ----------
    input : (N, C, H, W)
    grid : (N, OH, OW, 2)
        Positions (x, y) from -1 to 1, as of `affine_grid`.
    mode : {"bilinear", "nearest"}
        A mixture of the four pixels around the position, whose gradient flows to the grid, too; or the nearest one.
    padding_mode : {"zeros", "border", "reflection"}
        What lies outside: zeros, the nearest pixel of the border, or the image mirrored at it.
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the corner pixels, or (default) the image's outer edges.

    Returns
    -------
    (N, C, OH, OW)

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or options do not fit.
    """
    name = "grid_sample"
    check_float_tensor(name, "input", input)
    check_float_tensor(name, "grid", grid)
    check_choice(name, "mode", mode, ("bilinear", "nearest"))
    check_choice(name, "padding_mode", padding_mode, ("zeros", "border", "reflection"))
    if align_corners is not None:
        check_flag(name, "align_corners", align_corners)
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[-1] != 2 or grid.shape[0] != input.shape[0]:
        raise ValueError(
            f"{name}: input must be (N, C, H, W) and grid (N, OH, OW, 2), not {input.shape} and {grid.shape}"
        )
    if 0 in input.shape[1:]:
        raise ValueError(f"{name}: input has no pixels ({letters(input.shape, 'N C H W')})")
    if input.dtype != grid.dtype:
        raise TypeError(f"{name}: input is {input.dtype} but grid {grid.dtype}; convert one with .to()")
    if input.device != grid.device:
        raise ValueError(f"{name}: input is on {input.device!r} but grid on {grid.device!r}; move one with .to()")
    x, y = (
        _pixels(grid[..., i], length, padding_mode, bool(align_corners)) for i, length in enumerate(input.shape[:1:-1])
    )
    module = array_module(input.data)
    if mode == "nearest":
        row, column = (Tensor(module.rint(position.data)) for position in (y, x))
        return _read(input, row, column).permute(0, 3, 1, 2) + (x + y).unsqueeze(1) * 0
    top, left = (Tensor(module.floor(position.data)) for position in (y, x))
    down, right = (y - top).unsqueeze(-1), (x - left).unsqueeze(-1)
    result = (
        _read(input, top, left) * ((1 - down) * (1 - right))
        + _read(input, top, left + 1) * ((1 - down) * right)
        + _read(input, top + 1, left) * (down * (1 - right))
        + _read(input, top + 1, left + 1) * (down * right)
    )
    return result.permute(0, 3, 1, 2)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Turn channels into pixels, as torch's: (..., C r^2, H, W) becomes (..., C, H r, W r) (Shi et al. 2016).

    Parameters
    ----------
    input : (..., C r^2, H, W)
    upscale_factor : int, r

    Raises
    ------
    ValueError, TypeError
        If r^2 does not divide the number of channels.
    """
    name, r = "pixel_shuffle", upscale_factor
    _check_shuffle(name, input, "upscale_factor", r)
    *batch, channels, H, W = input.shape
    if channels % r**2:
        raise ValueError(f"{name}: upscale_factor={r} needs a multiple of {r**2} channels, not input {input.shape}")
    x = input.reshape(*batch, channels // r**2, r, r, H, W)
    k = len(batch)
    x = x.permute(*range(k + 1), k + 3, k + 1, k + 4, k + 2)
    return x.reshape(*batch, channels // r**2, H * r, W * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Undo `pixel_shuffle`: (..., C, H r, W r) becomes (..., C r^2, H, W)."""
    name, r = "pixel_unshuffle", downscale_factor
    _check_shuffle(name, input, "downscale_factor", r)
    *batch, channels, H, W = input.shape
    if H % r or W % r:
        raise ValueError(f"{name}: downscale_factor={r} must divide the height and the width of input {input.shape}")
    k = len(batch)
    x = input.reshape(*batch, channels, H // r, r, W // r, r)
    x = x.permute(*range(k + 1), k + 2, k + 4, k + 1, k + 3)
    return x.reshape(*batch, channels * r**2, H // r, W // r)


def _check_shuffle(name: str, input: Tensor, argument: str, factor: int) -> None:
    check_float_tensor(name, "input", input)
    if input.ndim < 3:
        raise ValueError(f"{name}: input must be (..., C, H, W), not of shape {input.shape}")
    if not is_integer(factor) or factor < 1:
        raise ValueError(f"{name}: {argument} must be a positive integer, not {factor!r}")
