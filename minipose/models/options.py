"""The checks that the networks share: how large their options may be, and which images fit."""

from __future__ import annotations

from typing import Any

from minipose.checks import check_integer, letters
from minipose.ops.checks import check_image
from minipose.tensor import Tensor

# Far beyond use. Without a bound, a slip of the finger builds for ever.
MOST_CHANNELS = 4096
MOST_BLOCKS = 64  # or modules, or stacks, in a row
MOST_HALVINGS = 8


def check_channels(name: str, **channels: Any) -> None:
    """Raise TypeError unless each of the numbers of channels is an integer, ValueError unless 1 to MOST_CHANNELS."""
    for argument, value in channels.items():
        check_integer(name, argument, value, 1, MOST_CHANNELS)


def check_sides(name: str, input: Tensor, multiple: int, rule: str = "") -> None:
    """Raise ValueError unless `input` is (N, C, H, W) with H and W multiples of `multiple`.

    `rule` says, in the network's options, where that comes from.
    """
    check_image(name, input)
    if any(n == 0 or n % multiple for n in input.shape[2:]):
        reason = f"{rule} = {multiple}" if rule else str(multiple)
        shape = letters(input.shape, "N C H W")
        raise ValueError(f"{name}: the image's sides must be multiples of {reason}, not {shape}")
