"""Layers that cut images into blocks, and add blocks up to images."""

from __future__ import annotations

from minipose.checks import Pair
from minipose.nn.module import Module
from minipose.ops import fold, unfold
from minipose.ops.conv import per_axis
from minipose.tensor import Tensor


class _Blocks(Module):
    """What both layers share: the geometry, checked and kept as it was given."""

    def __init__(self, **options: int | Pair) -> None:
        super().__init__()
        for argument, value in options.items():
            per_axis(type(self).__name__, argument, value, 0 if argument == "padding" else 1)
            setattr(self, argument, value)
        self._names = tuple(options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._names)


class Unfold(_Blocks):
    """Cut images into blocks, as `torch.nn.Unfold`; see `minipose.nn.functional.unfold`.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or (vertical, horizontal), in pixels
    """

    def __init__(
        self, kernel_size: int | Pair, dilation: int | Pair = 1, padding: int | Pair = 0, stride: int | Pair = 1
    ) -> None:
        super().__init__(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C KH KW, OH OW) for images (N, C, H, W)."""
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Blocks):
    """Add blocks up to images, as `torch.nn.Fold`; see `minipose.nn.functional.fold`.

    Parameters
    ----------
    output_size : int or (H, W), in pixels
    kernel_size, dilation, padding, stride : int or (vertical, horizontal), in pixels
    """

    def __init__(
        self,
        output_size: int | Pair,
        kernel_size: int | Pair,
        dilation: int | Pair = 1,
        padding: int | Pair = 0,
        stride: int | Pair = 1,
    ) -> None:
        super().__init__(
            output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, H, W) for blocks (N, C KH KW, OH OW)."""
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
