"""What every network of a backbone and a head has in common."""

from __future__ import annotations

from minipose.checks import check_choice, check_integer, is_integer
from minipose.models.heads import HEADS, POOLINGS, UPSAMPLINGS, MapHead, ScalarHead
from minipose.models.options import check_channels, check_sides
from minipose.nn import Module
from minipose.tensor import Tensor


class PoseNetwork(Module):
    """Images (N, in_channels, H, W) to maps (N, joints, H / output_stride, W / output_stride) or coordinates.

    Parameters
    ----------
    backbone : Module
        Makes features (N, out_channels, H / stride, W / stride) of images, and has `out_channels` and `stride`, both
        integers. The images' sides must be multiples of its `least_multiple`, or of its stride if it has none.
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
    TypeError, ValueError
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
        check_channels(name, joints=joints, head_width=head_width)
        for attribute in ("out_channels", "stride"):
            check_integer(name, f"the backbone's {attribute}", getattr(backbone, attribute, None), 1)
        self.backbone, self.head_kind = backbone, head
        channels, stride = backbone.out_channels, backbone.stride
        if head == "scalar":
            check_integer(name, "output_stride", output_stride, 1)  # no more, as there are no maps that it could fit
            self.output_stride = None
            self.head = ScalarHead(channels, joints, stride, pooling) if scalar_head is None else scalar_head
        else:
            fitting = [stride]
            while fitting[-1] % 2 == 0:
                fitting.append(fitting[-1] // 2)
            if not is_integer(output_stride) or output_stride not in fitting:
                raise ValueError(
                    f"{name}: output_stride must be one of {', '.join(map(str, fitting))} for features of stride "
                    f"{stride}, not {output_stride!r}"
                )
            self.output_stride = output_stride
            self.head = MapHead(channels, joints, fitting.index(output_stride), upsampling, head_width)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, joints, H / output_stride, W / output_stride), or (N, joints, 2) of a scalar head."""
        check_sides(type(self).__name__, input, getattr(self.backbone, "least_multiple", self.backbone.stride))
        return self.head(self.backbone(input))
