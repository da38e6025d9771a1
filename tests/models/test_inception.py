import re

import numpy as np
import pytest

import minipose
from minipose import Tensor
from minipose.models import Inception
from minipose.models.inception import InceptionBackbone, scaled
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width": 8, "joints": 3, "head_width": 18}
VARIANTS = [
    {},
    {"stem_stride": 4, "largest_kernel": 3, "output_stride": 4},
    {"stem_stride": 1, "last_block": "4e", "output_stride": 1, "in_channels": 1},
    {"stem_stride": 2, "head": "scalar", "pooling": "mean"},
]
POINTS = {"stem_stride": 4, "last_block": "4e", "head": "scalar", "width": 7}


@pytest.mark.parametrize(("options", "dtype", "training"), [
    *[(options, "float64", training) for options in VARIANTS for training in (True, False)],
    *[(VARIANTS[0], "float32", training) for training in (True, False)],
    (POINTS, "float64", True),  # in eval mode hardly a gradient comes through its softmaxes
], ids=str)  # fmt: skip
def test_outputs_and_gradients_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_inception import TorchInception

    options = SMALL | {"stem_stride": 2} | options
    minipose.manual_seed(0)
    network = Inception(**options)
    size = 2 * network.backbone.stride  # on smaller features the windows of the last pools are all the same
    shape = (3, options.get("in_channels", 3), size, 2 * size)
    assert_same_as_torch(network, TorchInception(**options), shape, rng, torch, dtype, training)


@pytest.mark.parametrize(("last_block", "largest_kernel", "published", "channels", "stride"), [
    ("5b", 5, 5_980_832, 1024, 32), ("5b", 3, 5_599_904, 1024, 32), ("4e", 5, 3_491_008, 832, 16),
])  # fmt: skip
def test_the_backbone_has_the_published_size(last_block, largest_kernel, published, channels, stride):
    backbone = InceptionBackbone(64, last_block, largest_kernel, stem_stride=4, in_channels=3)
    assert sum(p.data.size for p in backbone.parameters()) == published
    assert (backbone.out_channels, backbone.stride) == (channels, stride)


@pytest.mark.parametrize(("options", "stride"), [
    ({"stem_stride": 4}, 32), ({"stem_stride": 2}, 16), ({"stem_stride": 1}, 8),
    ({"stem_stride": 4, "last_block": "4e"}, 16), ({"stem_stride": 2, "last_block": "4e"}, 8),
], ids=str)  # fmt: skip
def test_the_stride_is_that_of_the_features(options, stride):
    backbone = Inception(**SMALL, **options).backbone
    assert backbone.stride == stride
    assert backbone(minipose.zeros(1, 3, 32, 64)).shape == (1, backbone.out_channels, 32 // stride, 64 // stride)


def test_channels_keep_their_proportion_and_at_least_one():
    assert [scaled(n, 64) for n in (16, 24, 208)] == [16, 24, 208]
    assert [scaled(n, 16) for n in (16, 24, 208)] == [4, 6, 52]
    assert [scaled(n, 1) for n in (16, 24, 208, 384)] == [1, 1, 3, 6]


def test_keys_are_those_of_torchvision():
    state = Inception(width=64, stem_stride=4, largest_kernel=3).backbone.state_dict()
    for key, shape in {
        "conv1.conv.weight": (64, 3, 7, 7),
        "conv1.bn.running_mean": (64,),
        "conv2.conv.weight": (64, 64, 1, 1),
        "conv3.conv.weight": (192, 64, 3, 3),
        "inception3a.branch1.conv.weight": (64, 192, 1, 1),
        "inception3a.branch2.0.conv.weight": (96, 192, 1, 1),
        "inception4d.branch2.1.conv.weight": (288, 144, 3, 3),
        "inception4e.branch3.1.conv.weight": (128, 32, 3, 3),
        "inception5b.branch4.1.bn.num_batches_tracked": (),
    }.items():
        assert state[key].shape == shape, key
    assert len(state) == 342  # of 57 convolutions with normalisation


def test_the_default_is_small():
    result = summary(Inception(), (1, 3, 64, 64))
    assert (result.parameters, result.multiply_adds) == (549_288, 51_415_040)
    assert result.layers[-1].shape == (1, 16, 32, 32)


def test_the_head_can_be_deconvolutions(rng):
    network = Inception(**SMALL, upsampling="deconvolution")
    assert [name for name, p in network.head.named_parameters() if p.shape[2:] == (4, 4)] == [
        "0.0.weight", "1.0.weight", "2.0.weight"
    ]  # fmt: skip
    assert network(Tensor(rng.standard_normal((2, 3, 32, 16)).astype(np.float32))).shape == (2, 3, 16, 8)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"width": 0}, ValueError, "width must be at least 1, not 0"),
    ({"width": 5000}, ValueError, "width must be at most 4096, not 5000"),
    ({"width": 0.5}, TypeError, "width must be an integer, not 0.5"),
    ({"last_block": "4f"}, ValueError, "last_block must be one of '4e', '5b', not '4f'"),
    ({"largest_kernel": 7}, ValueError, "largest_kernel must be one of 3, 5, not 7"),
    ({"stem_stride": 3}, ValueError, "stem_stride must be one of 1, 2, 4, not 3"),
    ({"in_channels": 0}, ValueError, "in_channels must be at least 1, not 0"),
    ({"output_stride": 32}, ValueError, "output_stride must be one of 16, 8, 4, 2, 1 for features of stride 16"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, error, message):
    with pytest.raises(error, match=f"^Inception: {re.escape(message)}"):
        Inception(**SMALL | options)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="^Inception: the image's sides must be multiples of 16, not .* W=24$"):
        Inception(**SMALL)(minipose.zeros(1, 3, 16, 24))
