"""What the decoders of maps share: the Gaussian, and the highest cell."""

from __future__ import annotations

import numpy as np

from minipose.checks import as_array


def gaussian(distance: np.ndarray, sigma: float) -> np.ndarray:
    """Return exp(-distance^2 / (2 sigma^2)) in float32."""
    return np.exp(-(distance**2) / (2 * sigma**2)).astype(np.float32)


def checked_maps(caller: str, maps: np.ndarray) -> np.ndarray:
    """Return maps (N, J, h, w); raise unless they have that shape, are not empty, and are finite."""
    maps = as_array(caller, "maps", maps)
    if maps.ndim != 4 or 0 in maps.shape:
        raise ValueError(f"{caller}: maps must have shape (N, J, h, w) and not be empty, got {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError(f"{caller}: maps hold NaN or infinity, so they have no highest cell")
    return maps


def highest_cells(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest cell (x, y) of each map, (N, J, 2), and its value, (N, J)."""
    flat = maps.reshape(*maps.shape[:2], -1)
    highest = flat.argmax(axis=2)
    rows, columns = np.divmod(highest, maps.shape[3])
    return np.stack([columns, rows], axis=-1), np.take_along_axis(flat, highest[..., None], axis=2)[..., 0]
