"""Joining images along their channels, and cutting them apart."""

from __future__ import annotations

from minipose.kernels import Array, cupy


def concatenate_channels(*images: Array) -> Array:
    """As `reference.concatenate_channels`."""
    return cupy().concatenate(images, axis=1)


def take_channels(x: Array, start: int, stop: int) -> Array:
    """As `reference.take_channels`."""
    return x[:, start:stop]
