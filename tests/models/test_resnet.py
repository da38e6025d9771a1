"""ResNet, SimpleBaseline and SEResNet, which share a backbone."""

import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.models import ResNet, SEResNet, SimpleBaseline, residual
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch
from tests.nn.twins import assert_same_state, check_twins

SMALL = {"width": 4, "joints": 3, "head_width": 6}
TEN = {**SMALL, "blocks": (1, 1, 1, 1)}  # layers
VARIANTS = [  # options, the images' shape
    (ResNet, {**SMALL}, (2, 3, 32, 16)),
    (ResNet, {**SMALL, "depth": 50, "stem_stride": 1}, (2, 3, 16, 8)),
    (ResNet, {**SMALL, "depth": 50, "stem_stride": 1, "block": "preactivation"}, (2, 3, 16, 8)),
    (ResNet, {**TEN, "block": "bottleneck", "stem_stride": 4, "in_channels": 1}, (2, 1, 32, 64)),
    (ResNet, {**TEN, "blocks": [1, 2, 1, 1], "block": "preactivation"}, (2, 3, 16, 32)),
    (ResNet, {**TEN, "block": "preactivation", "stem_stride": 4}, (2, 3, 64, 32)),
    (ResNet, {**TEN, "blocks": (2, 1, 1, 2), "block": "plain", "stem_stride": 1}, (2, 3, 16, 8)),
    (ResNet, {**TEN, "padding_mode": "replicate", "output_stride": 8}, (2, 3, 32, 32)),
    (ResNet, {**TEN, "padding_mode": "circular", "output_stride": 8}, (2, 3, 32, 32)),
    (ResNet, {**TEN, "padding_mode": "reflect", "stem_stride": 1, "upsampling": "deconvolution"}, (2, 3, 32, 16)),
    (ResNet, {**TEN, "head": "scalar", "pooling": "mean"}, (2, 3, 32, 32)),
    (SimpleBaseline, {**TEN, "head": "integral", "output_stride": 4}, (2, 3, 32, 16)),
    (ResNet, {**TEN, "head": "scalar", "stem_stride": 1}, (2, 3, 32, 16)),
    (SEResNet, {**TEN, "width": 7, "reduction": 3}, (2, 3, 32, 16)),
    (SEResNet, {**SMALL, "depth": 50, "stem_stride": 1}, (2, 3, 16, 8)),
    (SEResNet, {**TEN, "head": "scalar", "pooling": "mean"}, (2, 3, 32, 16)),
]
PUBLISHED = {"width": 64, "stem_stride": 4}


def saturates(kind, options):
    """Whether a softmax or sigmoid takes features that, in use, are too large for it at first to have a gradient."""
    return kind is SEResNet or (options.get("head"), options.get("pooling")) == ("scalar", None)


@pytest.mark.parametrize(
    ("kind", "options", "shape", "training"),
    [(*v, True) for v in VARIANTS] + [(*v, False) for v in VARIANTS if not saturates(*v[:2])],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_outputs_and_gradients_are_those_of_torch(kind, options, shape, training, rng, torch):
    from tests.models import torch_resnet

    minipose.manual_seed(0)
    theirs = getattr(torch_resnet, f"Torch{kind.__name__}")(**options)
    assert_same_as_torch(kind(**options), theirs, shape, rng, torch, "float64", training)


@pytest.mark.parametrize("block", ["basic", "preactivation", "plain"])
@pytest.mark.parametrize("training", [True, False])
def test_float32_is_near(block, training, rng, torch):
    from tests.models.torch_resnet import TorchResNet

    options = {**TEN, "block": block}
    minipose.manual_seed(0)
    assert_same_as_torch(ResNet(**options), TorchResNet(**options), (3, 3, 32, 32), rng, torch, "float32", training)


def test_float32_of_bottlenecks_and_excitation_is_near(rng, torch):
    from tests.models.torch_resnet import TorchSEResNet, TorchSimpleBaseline

    minipose.manual_seed(0)
    options = {**TEN, "block": "bottleneck"}
    ours, theirs = SimpleBaseline(**options), TorchSimpleBaseline(**options)
    assert_same_as_torch(ours, theirs, (3, 3, 32, 32), rng, torch, "float32")
    assert_same_as_torch(SEResNet(**TEN), TorchSEResNet(**TEN), (3, 3, 32, 32), rng, torch, "float32")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_excitation_is_that_of_torch_in_use_too(dtype, rng, torch):
    from tests.models.torch_resnet import SE

    check_twins(torch, residual.SqueezeExcitation(13, 2), SE(13, 2), (3, 13, 7, 8), rng, dtype)


def test_keys_are_those_of_torchvision():
    backbone = ResNet(**SMALL).backbone
    keys = list(backbone.state_dict())
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    stem = ["conv1.weight", *(f"bn1.{n}" for n in norm)]
    basic = ["conv1.weight", *(f"bn1.{n}" for n in norm), "conv2.weight", *(f"bn2.{n}" for n in norm)]
    projection = ["downsample.0.weight", *(f"downsample.1.{n}" for n in norm)]
    expected = stem + [
        f"layer{stage}.{block}.{key}"
        for stage in (1, 2, 3, 4)
        for block in (0, 1)
        for key in basic + projection * (stage > 1 and block == 0)
    ]
    assert keys == expected
    bottleneck = {"layer1.0.conv3.weight", "layer1.0.bn3.running_var", "layer1.0.downsample.1.bias"}
    assert bottleneck <= set(ResNet(depth=50, width=1).backbone.state_dict())


def test_weights_of_torchvision_load_but_for_the_classifier(rng, torch):
    from tests.models.torch_resnet import TorchResNet

    ours, theirs = ResNet(**SMALL, depth=34).backbone, TorchResNet(**SMALL, depth=34).backbone
    weights = theirs.state_dict() | {"fc.weight": torch.ones(10, 32), "fc.bias": torch.ones(10)}
    with pytest.raises(ValueError, match="fc.weight is not part of the model"):
        ours.load_state_dict(weights)
    assert ours.load_state_dict(weights, strict=False) == theirs.load_state_dict(weights, strict=False)
    assert_same_state(ours, theirs, 0)


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def without_values(monkeypatch):
    """Networks of full size without drawing their weights: memory that nobody writes costs nothing."""
    for layer in (nn.Conv2d, nn.ConvTranspose2d):
        monkeypatch.setattr(layer, "reset_parameters", lambda self: None)
    monkeypatch.setattr(nn.init, "kaiming_normal_", lambda tensor, **options: tensor)


@pytest.mark.parametrize(("depth", "trunk", "whole"), [
    (18, 11_176_512, 15_376_464),
    (34, 21_284_672, 25_484_624),
    (50, 23_508_032, 33_999_440),
    (101, 42_500_160, 52_991_568),
    (152, 58_143_808, 68_635_216),
])  # fmt: skip
def test_simple_baseline_has_the_published_size(depth, trunk, whole, without_values):
    network = SimpleBaseline(depth, **PUBLISHED, output_stride=4, head_width=256)
    assert (parameters_of(network.backbone), parameters_of(network)) == (trunk, whole)


def test_other_sizes(without_values):
    assert parameters_of(SEResNet(18, **PUBLISHED, reduction=16).backbone) == 11_265_592
    assert parameters_of(SEResNet(50, **PUBLISHED, reduction=16).backbone) == 26_039_024
    assert parameters_of(ResNet(width=16).backbone) == 702_096
    assert parameters_of(ResNet(width=32).backbone) == 2_798_880
    assert parameters_of(ResNet(**PUBLISHED, output_stride=1, head_width=256)) == 12_749_104  # the report's chain


@pytest.mark.parametrize(("kind", "parameters", "multiply_adds"), [
    (ResNet, 799_360, 51_429_376), (SEResNet, 988_024, 61_150_464), (SimpleBaseline, 965_664, 61_128_704)
])  # fmt: skip
def test_default_is_small_and_gives_maps_of_half_the_size(kind, parameters, multiply_adds):
    result = summary(kind(), (1, 3, 64, 64))
    assert (result.parameters, result.multiply_adds) == (parameters, multiply_adds)
    assert result.layers[-1].shape == (1, 16, 32, 32)


def layers_with_weights(network):
    """Return the depth as papers count it: without shortcuts, and with the classifier that is not here."""
    return 1 + sum(
        isinstance(module, nn.Conv2d) and "downsample" not in name for name, module in network.backbone.named_modules()
    )


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_depth_is_the_number_of_layers(depth):
    assert layers_with_weights(ResNet(depth, width=1)) == depth
    assert layers_with_weights(ResNet(depth, width=1, block="preactivation")) == depth


def test_blocks_make_other_depths_and_plain_nets_without_shortcuts():
    for n, depth in ((1, 10), (2, 18), (6, 50)):
        residual, plain = (ResNet(blocks=(n,) * 4, width=1, block=block) for block in ("basic", "plain"))
        assert layers_with_weights(residual) == layers_with_weights(plain) == depth
        shortcuts = [key for key in residual.state_dict() if "downsample" in key]
        assert set(residual.state_dict()) - set(plain.state_dict()) == set(shortcuts) != set()
    assert list(ResNet(blocks=(3, 4, 6, 3)).state_dict()) == list(ResNet(34).state_dict())


def test_convolutions_begin_as_he_et_al_propose_by_what_goes_out():
    minipose.manual_seed(0)
    backbone = ResNet(50, width=16).backbone
    for layer in (backbone.conv1, backbone.layer3[0].conv1, backbone.layer3[0].conv2, backbone.layer4[0].downsample[0]):
        F, C, KH, KW = layer.weight.shape
        assert layer.weight.data.std() == pytest.approx(np.sqrt(2 / (F * KH * KW)), rel=0.05)


def test_dropout_drops_channels_of_the_features_in_training_only(rng):
    network = ResNet(**TEN, dropout=0.5)
    assert list(network.state_dict()) == list(ResNet(**TEN).state_dict())
    x = Tensor(rng.standard_normal((4, 3, 32, 32)).astype(np.float32))
    features = network.backbone(x).data
    nothing = ~features.any((2, 3))
    assert 0.2 < nothing.mean() < 0.8 and (features[~nothing] > 0).mean() > 0.3
    np.testing.assert_array_equal(network.eval()(x).data, network(x).data)
    features = ResNet(**TEN).backbone(x).data
    assert features.any((2, 3)).mean() > 0.9


@pytest.mark.parametrize(("options", "message"), [
    ({"depth": 20}, "depth must be one of 18, 34, 50, 101, 152, not 20"),
    ({"depth": 18.0}, "depth must be one of 18, 34, 50, 101, 152, not 18.0"),
    ({"blocks": (1, 1, 1)}, "blocks must be four integers from 1 to 64, as (2, 2, 2, 2), not (1, 1, 1)"),
    ({"blocks": (1, 1, 1, 0)}, "blocks must be four integers from 1 to 64"),
    ({"blocks": (1, 1, 1, 65)}, "blocks must be four integers from 1 to 64"),
    ({"blocks": (1, 1, 1, 1.0)}, "blocks must be four integers from 1 to 64"),
    ({"block": "dense"}, "block must be one of 'basic', 'bottleneck', 'preactivation', 'plain', not 'dense'"),
    ({"depth": 50, "block": "plain"}, "block must be 'bottleneck' or 'preactivation' for depth 50, not 'plain'; give"),
    ({"block": "bottleneck"}, "block must be 'basic' or 'preactivation' for depth 18, not 'bottleneck'; give blocks"),
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"width": 5000}, "width must be at most 4096, not 5000"),
    ({"in_channels": 0}, "in_channels must be at least 1, not 0"),
    ({"stem_stride": 3}, "stem_stride must be one of 1, 2, 4, not 3"),
    ({"dropout": 1.5}, "dropout must be a number from 0 up to 1, not 1.5"),
    ({"padding_mode": "same"}, "padding_mode must be one of 'zeros', 'reflect', 'replicate', 'circular', not 'same'"),
    ({"output_stride": 32}, "output_stride must be one of 16, 8, 4, 2, 1 for features of stride 16, not 32"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^ResNet: {re.escape(message)}"):
        ResNet(**options)


def test_errors_name_the_network():
    with pytest.raises(ValueError, match="^SimpleBaseline: depth must be one of"):
        SimpleBaseline(depth=19)
    with pytest.raises(ValueError, match="^SEResNet: reduction must be at least 1, not 0$"):
        SEResNet(reduction=0)
    with pytest.raises(ValueError, match="^SEResNet: the image's sides must be multiples of 16, not N=1 C=3 H=16 W=24"):
        SEResNet(**TEN)(minipose.zeros(1, 3, 16, 24))
