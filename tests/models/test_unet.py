import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.models import UNet
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width": 4, "joints": 3}
VARIANTS = [
    {},
    {"output_stride": 1, "depth": 2, "in_channels": 1},
    {"output_stride": 4, "skip": False},
    {"head": "integral", "depth": 1, "skip": False, "output_stride": 1},
    {"head": "scalar", "pooling": "mean"},
    {"head": "scalar", "pooling": "mean", "output_stride": 8},
]
SINGLE = [{}, {"head": "scalar", "pooling": "mean", "depth": 2, "skip": False}]


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS],
    *[(options, "float32") for options in SINGLE],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_network_is_that_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_unet import TorchUNet

    options = {**SMALL, **options}
    channels = options.get("in_channels", 3)
    assert_same_as_torch(UNet(**options), TorchUNet(**options), (3, channels, 32, 16), rng, torch, dtype, training)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_edges_are_those_of_torch(mode, rng, torch):
    from tests.models.torch_unet import TorchUNet

    options = {**SMALL, "depth": 2, "output_stride": 1, "padding_mode": mode}
    # Not in training: there, without zeros at the edges, normalisation takes out the bias of what goes up.
    assert_same_as_torch(UNet(**options), TorchUNet(**options), (2, 3, 16, 24), rng, torch, training=False)


@pytest.mark.parametrize(("width", "biased", "normalised"), [
    (64, 31_030_658, 31_036_546),
    (32, 7_759_554, 7_762_498),
    (16, 1_940_834, 1_942_306),
])  # fmt: skip
def test_published_sizes(width, biased, normalised):
    network = UNet(width, depth=4, joints=2, in_channels=1, output_stride=1)
    assert sum(p.numel() for p in network.parameters()) == normalised
    # The paper's convolutions have a bias where these have the two numbers of a normalisation.
    assert normalised - sum(m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d)) == biased
    convolutions = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert len(convolutions) == 23  # as the paper says in section 2


def test_size_with_normalisation_is_that_of_others():
    network = UNet(64, depth=4, joints=1, output_stride=1)
    assert sum(p.numel() for p in network.parameters()) == 31_037_633  # the usual implementation with it: RGB to a mask


def test_size_of_the_default():
    result = summary(UNet(), (1, 3, 64, 64))
    assert result.parameters == 474_208 and result.multiply_adds == 115_015_680
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize(("options", "stride", "channels"), [
    ({"output_stride": 1}, 1, 4), ({}, 2, 8), ({"output_stride": 8}, 8, 32), ({"depth": 5, "output_stride": 4}, 4, 16)
], ids=str)  # fmt: skip
def test_the_way_up_ends_where_output_stride_says(options, stride, channels):
    network = UNet(**SMALL, **options).eval()
    assert network(minipose.zeros(1, 3, 64, 32)).shape == (1, 3, 64 // stride, 32 // stride)
    assert network.output_stride == network.backbone.stride == stride and network.backbone.out_channels == channels


def test_images_of_a_batch_do_not_see_each_other(rng):
    network = UNet(**SMALL).eval()
    images = rng.standard_normal((3, 3, 16, 16)).astype(np.float32)
    together = network(Tensor(images)).data
    alone = np.concatenate([network(Tensor(images[i : i + 1])).data for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("skip", [True, False])
def test_dropout_stands_at_the_end_of_the_way_down(skip, rng):
    network = UNet(**SMALL, skip=skip, dropout=1.0)
    images = Tensor(rng.standard_normal((2, 3, 16, 16)).astype(np.float32))
    dropped = network(images).data
    assert np.allclose(dropped[0], dropped[1]) is not skip  # without skips nothing of the images is left
    network(images).sum().backward()
    assert not network.backbone.down[3][0].weight.grad.data.any()
    network.eval()
    kept = network(images).data
    assert not np.allclose(kept[0], kept[1])


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"depth": 9}, "depth must be at most 8, not 9"),
    ({"depth": 2.0}, "depth must be an integer, not 2.0"),
    ({"in_channels": 0}, "in_channels must be at least 1, not 0"),
    ({"skip": 1}, "skip must be True or False, not 1"),
    ({"dropout": 1.5}, "dropout must be a number from 0 up to 1, not 1.5"),
    ({"padding_mode": ""}, "padding_mode must be one of 'zeros', 'reflect', 'replicate', 'circular', not ''"),
    ({"output_stride": 3}, "output_stride must be one of 1, 2, 4, 8, not 3"),
    ({"output_stride": 4, "depth": 1}, "output_stride must be one of 1, 2, not 4"),
    ({"output_stride": True}, "output_stride must be one of 1, 2, 4, 8, not True"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=f"^UNet: {re.escape(message)}$"):
        UNet(**options)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="^UNet: the image's sides must be multiples of 8, not N=1 C=3 H=16 W=20$"):
        UNet(**SMALL)(minipose.zeros(1, 3, 16, 20))
