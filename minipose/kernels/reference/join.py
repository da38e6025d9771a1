"""Joining images along their channels, and cutting them apart."""

from __future__ import annotations

import numpy as np


def concatenate_channels(*images: np.ndarray) -> np.ndarray:
    """Return images (N C H W), each with channels of its own number, as one."""
    return np.concatenate(images, axis=1)


def take_channels(x: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the channels from `start` up to `stop` of x (N C H W)."""
    return x[:, start:stop]
