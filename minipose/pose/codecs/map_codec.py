"""What the codecs have in common whose outputs are maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minipose.pose.codecs.grid import check_map


@dataclass(frozen=True)
class MapCodec:
    """Images of one size, and maps of a stride that divides it."""

    image_size: tuple[int, int]
    stride: int = 2

    def __post_init__(self) -> None:
        check_map(type(self).__name__, self.image_size, self.stride)
        object.__setattr__(self, "image_size", tuple(self.image_size))

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the maps in cells."""
        return self.image_size[0] // self.stride, self.image_size[1] // self.stride

    def to_show(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs (N, J, h, w) as maps for the eye, about 0 where the joint is not."""
        return outputs

    def output_shape(self, joints: int) -> tuple[int, int, int]:
        """Return (J, h, w), the shape of a network's output for one image."""
        return joints, *self.map_size
