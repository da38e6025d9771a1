import re

import pytest

import minipose
from minipose.models import MobileNetV2
from minipose.models.mobilenet_v2 import InvertedResidual, MobileNetV2Backbone, scaled
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width_multiplier": 0.1, "joints": 3, "head_width": 4}
VARIANTS = [
    {},
    {"stem_stride": 2, "output_stride": 4, "last_channels": 9},
    {"stem_stride": 1, "output_stride": 16, "width_multiplier": 0.3, "in_channels": 1},
    {"stem_stride": 2, "head": "scalar", "pooling": "mean", "width_multiplier": 0.35},
]
POINTS = {"stem_stride": 1, "head": "scalar", "last_channels": 10}


def shifts_without_effect(network):
    """Return the biases of linear bottlenecks: a 1x1 convolution and a normalisation take them away again.

    Not after the last block where it is the head, not a 1x1 convolution, that comes next.
    """
    features = network.backbone.features
    blocks = [i for i, block in enumerate(features) if isinstance(block, InvertedResidual)]
    blocks = blocks if len(features) > blocks[-1] + 1 else blocks[:-1]
    return [f"backbone.features.{i}.conv.{len(features[i].conv) - 1}.bias" for i in blocks]


@pytest.mark.parametrize(("options", "dtype", "training"), [
    *[(options, "float64", training) for options in VARIANTS for training in (True, False)],
    *[(VARIANTS[0], "float32", training) for training in (True, False)],
    (POINTS, "float64", True),  # in eval mode hardly a gradient comes through its softmaxes
], ids=str)  # fmt: skip
def test_outputs_and_gradients_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_mobilenet_v2 import TorchMobileNetV2

    options = SMALL | {"stem_stride": 1} | options
    minipose.manual_seed(0)
    network = MobileNetV2(**options)
    size = max(16, network.backbone.stride)
    # Where a normalisation sees a handful of numbers, float32 loses digits in it.
    shape = (3 if dtype == "float64" else 12, options.get("in_channels", 3), size, 2 * size)
    zero = shifts_without_effect(network) if training else ()
    assert_same_as_torch(network, TorchMobileNetV2(**options), shape, rng, torch, dtype, training, zero, not training)


@pytest.mark.parametrize(("multiplier", "last_channels", "published"), [
    (1.0, None, 1_811_712), (1.0, 1280, 2_223_872), (0.35, None, 250_208),
])  # fmt: skip
def test_the_backbone_has_the_published_size(multiplier, last_channels, published):
    backbone = MobileNetV2Backbone(multiplier, last_channels, stem_stride=2, in_channels=3)
    assert sum(p.data.size for p in backbone.parameters()) == published
    assert backbone.stride == 32 and backbone.out_channels == (last_channels or scaled(320, multiplier))


def test_channels_are_multiples_of_8_and_at_least_90_percent():
    assert [scaled(n, 0.35) for n in (32, 16, 24, 32, 64, 96, 160, 320)] == [16, 8, 8, 16, 24, 32, 56, 112]
    assert [scaled(n, 1.4) for n in (32, 16, 24, 32, 64, 96, 160, 320)] == [48, 24, 32, 48, 88, 136, 224, 448]


def test_keys_are_those_of_torchvision():
    state = MobileNetV2(width_multiplier=1.0, last_channels=1280, stem_stride=2).backbone.state_dict()
    for key, shape in {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.0.1.running_var": (32,),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.1.conv.1.weight": (16, 32, 1, 1),
        "features.1.conv.2.bias": (16,),
        "features.2.conv.0.0.weight": (96, 16, 1, 1),
        "features.17.conv.1.0.weight": (960, 1, 3, 3),
        "features.17.conv.2.weight": (320, 960, 1, 1),
        "features.17.conv.3.num_batches_tracked": (),
        "features.18.1.weight": (1280,),
    }.items():
        assert state[key].shape == shape, key
    assert len(state) == 312  # of 52 convolutions with normalisation


def test_the_default_is_small():
    result = summary(MobileNetV2(), (1, 3, 64, 64))
    assert (result.parameters, result.multiply_adds) == (776_656, 52_663_296)
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"width_multiplier": 0.0}, ValueError, "width_multiplier must be a number from 0.01 up to 16, not 0.0"),
    ({"width_multiplier": "1"}, TypeError, "width_multiplier must be a number, not '1'"),
    ({"last_channels": 0}, ValueError, "last_channels must be at least 1, not 0"),
    ({"stem_stride": 4}, ValueError, "stem_stride must be one of 1, 2, not 4"),
    ({"in_channels": 0}, ValueError, "in_channels must be at least 1, not 0"),
    ({"output_stride": 3}, ValueError, "output_stride must be one of 16, 8, 4, 2, 1 for features of stride 16, not 3"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, error, message):
    with pytest.raises(error, match=f"^MobileNetV2: {re.escape(message)}"):
        MobileNetV2(**SMALL | options)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="^MobileNetV2: the image's sides must be multiples of 16, not .* W=24$"):
        MobileNetV2(**SMALL)(minipose.zeros(1, 3, 16, 24))
