"""Padding: more entries around a tensor, from outside or from within."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import check_choice, check_memory, is_integer
from minipose.kernels import array_module, to_device
from minipose.ops.checks import as_tensor
from minipose.ops.index import Index, IndexGrad
from minipose.tensor import Tensor

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return the tensor with more entries at the ends of its last axes, as `torch.nn.functional.pad`.

    Parameters
    ----------
    input : Tensor; for the modes other than "constant" (C, L) to (N, C, D, H, W)
    pad : (left, right), (left, right, top, bottom), ...
        How many entries more: the last axis first. Negative numbers cut entries off.
    mode : {"constant", "reflect", "replicate", "circular"}
        `value`; the entries mirrored at the outermost one; the outermost one; the entries from the other end. The last
        three pad all axes after C, or all but the first of them that are asked for.
    value : float, optional
        For "constant" only. Default 0.

    Raises
    ------
    ValueError, TypeError
        If there are too many numbers, or more entries are asked for than can be mirrored or taken from the other end.
    """
    input, given = as_tensor("pad", input), pad
    if not isinstance(given, (tuple, list)) or not all(is_integer(n) for n in given):
        raise TypeError(f"pad: pad must be a tuple of integers, (left, right) for each axis, not {given!r}")
    check_choice("pad", "mode", mode, MODES)
    if len(given) % 2 or len(given) > 2 * input.ndim:
        raise ValueError(f"pad: {len(given)} numbers are not (left, right) for some of the axes of {input.shape}")
    sides = [(0, 0)] * input.ndim
    for i in range(0, len(given), 2):
        sides[input.ndim - 1 - i // 2] = int(given[i]), int(given[i + 1])
    shape = [n + left + right for n, (left, right) in zip(input.shape, sides, strict=True)]
    if any(n < 0 for n in shape):
        raise ValueError(f"pad: {tuple(given)} cuts more off {input.shape} than there is")
    check_memory("pad", "result", shape)
    if mode == "constant":
        return _constant(input, sides, tuple(shape), value)
    if value is not None and value != 0:
        raise ValueError(f"pad: value={value!r} is for mode='constant' only")
    count = len(given) // 2
    if count not in (1, 2, 3) or input.ndim not in (count + 1, count + 2):
        raise ValueError(
            f"pad: with mode={mode!r}, {len(given)} numbers pad {count} axes after C (and N), not {input.shape}"
        )
    for axis in range(input.ndim - count, input.ndim):
        input = _from_within(input, axis, sides[axis], mode)
    return input


def _constant(input: Tensor, sides: list[tuple[int, int]], shape: tuple[int, ...], value: float | None) -> Tensor:
    value = 0 if value is None else value
    if not isinstance(value, (bool, int, float)):
        raise TypeError(f"pad: value must be a number, not {value!r}")
    if input.dtype.kind != "f" and isinstance(value, float):
        raise TypeError(f"pad: value {value!r} does not fit an input of {input.dtype}; give an integer")
    kept = tuple(
        slice(max(-left, 0), n - max(-right, 0)) for n, (left, right) in zip(input.shape, sides, strict=True)
    )
    inner = Index.apply(input, index=kept) if any(min(side) < 0 for side in sides) else input
    place = tuple(slice(max(left, 0), max(left, 0) + n) for n, (left, _) in zip(inner.shape, sides, strict=True))
    padded = IndexGrad.apply(inner, index=place, shape=shape)
    if value == 0:
        return padded
    border = array_module(input.data).full(shape, value, input.dtype)
    border[place] = 0
    return padded + Tensor(border)


def _from_within(input: Tensor, axis: int, sides: tuple[int, int], mode: str) -> Tensor:
    length, (left, right) = input.shape[axis], sides
    if (left, right) == (0, 0):
        return input
    most = max(left, right)
    if length == 0 or (mode == "reflect" and most >= length) or (mode == "circular" and most > length):
        limit = "less than" if mode == "reflect" else "at most"
        raise ValueError(f"pad: mode={mode!r} can add {limit} the {length} entries of axis {axis}, not {sides}")
    place = np.arange(-left, length + right)
    if mode == "reflect":
        place = np.abs(place)
        place = np.where(place >= length, 2 * (length - 1) - place, place)
    elif mode == "replicate":
        place = place.clip(0, length - 1)
    else:
        kept = np.arange(max(-left, 0), length - max(-right, 0))  # what is cut off does not come back at the other end
        place = kept[np.arange(-max(left, 0), len(kept) + max(right, 0)) % max(len(kept), 1)]
    return Index.apply(input, index=(slice(None),) * axis + (to_device(place, input.device),))
