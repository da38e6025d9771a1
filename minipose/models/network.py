"""What every network of a backbone and a head has in common."""

from __future__ import annotations

from minipose.checks import TOO_FAR, check_choice, check_integer, is_integer, letters
from minipose.models.heads import HEADS, POOLINGS, UPSAMPLINGS, MapHead, ScalarHead
from minipose.nn import Module
from minipose.ops.checks import check_image
from minipose.tensor import Tensor


class PoseNetwork(Module):
    """Images (N, in_channels, H, W) to maps (N, joints, H / output_stride, W / output_stride) or coordinates.

    Parameters
    ----------
    backbone : Module
        Makes features (N, out_channels, H / stride, W / stride) of images, and has `out_channels` and `stride`. Its
        `least_multiple`, where it goes down further than to its features, divides the sides of the images.
    head : {"heatmap", "integral", "scalar"}
        "heatmap" and "integral": one linear map for each joint, read by `HeatmapCodec` or `IntegralCodec`. "scalar":
        coordinates (N, joints, 2), read by `RegressionCodec`.
    joints : int
    output_stride : int
        Image pixels per cell of the maps: the backbone's stride, or that divided by a power of 2. A scalar head has
        none.
    upsampling : {"deconvolution", "bilinear"}
    head_width : int
        How the head goes from the backbone's stride to its own: see `MapHead`.
    pooling : {"points", "mean"}
        How a scalar head makes numbers of features: see `ScalarHead`.
    scalar_head : Module, optional
        What makes coordinates of the features where `head` is "scalar". Default: `ScalarHead`.

    Attributes
    ----------
    head_kind : str
        The argument `head`.
    output_stride : int or None
        None where the head is scalar.

    Raises
    ------
    ValueError
        If an argument is none of these, or an image's side is not a multiple of the largest stride in the network.
    """

    def __init__(
        self,
        backbone: Module,
        head: str,
        joints: int,
        output_stride: int,
        upsampling: str = "deconvolution",
        head_width: int = 256,
        pooling: str = "points",
        scalar_head: Module | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_choice(name, "head", head, HEADS)
        check_choice(name, "upsampling", upsampling, UPSAMPLINGS)
        check_choice(name, "pooling", pooling, POOLINGS)
        for argument, value in (("joints", joints), ("head_width", head_width)):
            check_integer(name, argument, value, 1, TOO_FAR)
        self.backbone, self.head_kind = backbone, head
        channels, stride = backbone.out_channels, backbone.stride
        if head == "scalar":
            self.output_stride = None
            self.head = ScalarHead(channels, joints, stride, pooling) if scalar_head is None else scalar_head
        else:
            self.output_stride = output_stride
            steps = check_strides(name, output_stride, stride)
            self.head = MapHead(channels, joints, steps, upsampling, head_width)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, joints, H / output_stride, W / output_stride), or (N, joints, 2) of a scalar head."""
        name = type(self).__name__
        check_image(name, input)
        multiple = getattr(self.backbone, "least_multiple", self.backbone.stride)
        if any(n == 0 or n % multiple for n in input.shape[2:]):
            raise ValueError(
                f"{name}: the image's sides must be multiples of {multiple}, not {letters(input.shape, 'N C H W')}"
            )
        return self.head(self.backbone(input))


def check_strides(name: str, output_stride: int, stride: int) -> int:
    """Return how often a size must be doubled to go from `stride` to `output_stride`.

    Raises
    ------
    ValueError
        If that is no whole number of times.
    """
    fitting = [stride >> step for step in range(stride.bit_length())]
    if not is_integer(output_stride) or output_stride not in fitting:
        raise ValueError(f"{name}: output_stride must be one of {', '.join(map(str, fitting))}, not {output_stride!r}")
    return fitting.index(output_stride)
