import re

import pytest

import minipose
from minipose.models import HRNet
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width": 4, "stem_width": 4, "joints": 3}
VARIANTS = [
    {},
    {"modules": (1, 2, 1), "blocks": 2, "bottlenecks": 1, "stem_stride": 4, "output_stride": 4, "in_channels": 1},
    {"modules": (2, 1), "stem_stride": 1, "output_stride": 1, "stem_width": 6, "head": "integral"},
    {"modules": [1], "stem_width": 2, "bottlenecks": 3},  # the first branch has the width of the bottlenecks
    {"modules": (1,), "stem_stride": 4, "head_width": 5},
    {"modules": (1, 1), "stem_stride": 4, "head_width": 5, "upsampling": "bilinear"},
    {"head": "scalar", "pooling": "mean"},
]
SINGLE = [{"modules": (1, 1)}, {"modules": (1,), "head": "scalar", "pooling": "mean", "stem_stride": 4}]
PUBLISHED = {"modules": (1, 4, 3), "blocks": 4, "bottlenecks": 4, "stem_width": 64, "stem_stride": 4}


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS],
    *[(options, "float32") for options in SINGLE],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_network_is_that_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_hrnet import TorchHRNet

    options = {**SMALL, **options}
    channels = options.get("in_channels", 3)
    assert_same_as_torch(HRNet(**options), TorchHRNet(**options), (3, channels, 64, 32), rng, torch, dtype, training)


@pytest.mark.parametrize(("width", "count"), [(32, 28_535_552), (48, 63_594_912)])
def test_published_sizes(width, count):
    network = HRNet(width, **PUBLISHED, output_stride=4, joints=17)
    assert sum(p.numel() for p in network.backbone.parameters()) == count
    assert sum(p.numel() for p in network.head.parameters()) == 17 * width + 17


def test_names_are_those_of_the_authors():
    state = HRNet(**{**PUBLISHED, "width": 8, "stem_width": 8}, output_stride=4).backbone.state_dict()
    shapes = {
        "conv1.weight": (8, 3, 3, 3),
        "bn2.running_var": (8,),
        "layer1.0.downsample.0.weight": (32, 8, 1, 1),
        "layer1.3.conv3.weight": (32, 8, 1, 1),
        "transition1.0.0.weight": (8, 32, 3, 3),
        "transition1.1.0.0.weight": (16, 32, 3, 3),
        "transition3.3.0.1.bias": (64,),
        "stage2.0.branches.0.0.conv1.weight": (8, 8, 3, 3),
        "stage3.3.branches.2.3.bn2.weight": (32,),
        "stage3.3.fuse_layers.0.2.0.weight": (8, 32, 1, 1),
        "stage4.1.fuse_layers.3.0.0.0.weight": (8, 8, 3, 3),
        "stage4.1.fuse_layers.3.0.2.0.weight": (64, 8, 3, 3),
        "stage4.2.fuse_layers.0.3.1.running_mean": (8,),
    }
    assert {name: state[name].shape for name in shapes} == shapes
    absent = ("transition2.0", "transition3.2", "stage4.2.fuse_layers.1", "stage2.0.fuse_layers.0.0", "layer1.1.down")
    assert not [name for name in state if name.startswith(absent)]


def test_size_of_the_default():
    result = summary(HRNet(), (1, 3, 64, 64))
    assert result.parameters == 693_440 and result.multiply_adds == 76_627_968
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_first_branch_keeps_the_size_of_the_stem(stride):
    network = HRNet(**SMALL, stem_stride=stride, output_stride=stride).eval()
    assert network(minipose.zeros(1, 3, 64, 32)).shape == (1, 3, 64 // stride, 32 // stride)
    assert network.output_stride == network.backbone.stride == stride


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"blocks": 65}, "blocks must be at most 64, not 65"),
    ({"bottlenecks": 1.0}, "bottlenecks must be an integer, not 1.0"),
    ({"stem_width": "16"}, "stem_width must be an integer, not '16'"),
    ({"in_channels": 0}, "in_channels must be at least 1, not 0"),
    ({"modules": ()}, "modules must be 1 to 3 integers, one for each stage, not ()"),
    ({"modules": (1, 1, 1, 1)}, "modules must be 1 to 3 integers, one for each stage, not (1, 1, 1, 1)"),
    ({"modules": 3}, "modules must be 1 to 3 integers, one for each stage, not 3"),
    ({"modules": (1, 0)}, "each of modules must be at least 1, not 0"),
    ({"stem_stride": 3}, "stem_stride must be one of 1, 2, 4, not 3"),
    ({"stem_stride": True}, "stem_stride must be one of 1, 2, 4, not True"),
    ({"output_stride": 4}, "output_stride must be one of 2, 1 for features of stride 2, not 4"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=f"^HRNet: {re.escape(message)}$"):
        HRNet(**options)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="^HRNet: the image's sides must be multiples of 16, not N=1 C=3 H=64 W=24$"):
        HRNet(**SMALL)(minipose.zeros(1, 3, 64, 24))
