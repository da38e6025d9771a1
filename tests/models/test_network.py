"""What every network of a backbone and a head has in common, and the heads."""

import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.models.heads import MapHead, MeanFeatures, ScalarHead
from minipose.models.network import PoseNetwork
from tests.models.compare import assert_same_as_torch


class Patches(nn.Module):
    """A backbone: a convolution that sees each patch of the image once."""

    def __init__(self, out_channels=5, stride=32, least_multiple=None):
        super().__init__()
        self.conv = nn.Conv2d(3, out_channels, stride, stride, bias=False)
        self.relu = nn.ReLU()
        self.out_channels, self.stride = out_channels, stride
        if least_multiple is not None:
            self.least_multiple = least_multiple

    def forward(self, input):
        return self.relu(self.conv(input))


def network(stride=32, head="heatmap", joints=3, output_stride=4, head_width=6, **options):
    return PoseNetwork(Patches(stride=stride), head, joints, output_stride, head_width=head_width, **options)


def twin(torch, stride=32, **options):
    from tests.models.torch_network import TorchPoseNetwork

    backbone = torch.nn.Sequential()
    backbone.add_module("conv", torch.nn.Conv2d(3, 5, stride, stride, bias=False))
    backbone.add_module("relu", torch.nn.ReLU())
    options = {"joints": 3, "output_stride": 4, "head_width": 6, **options}
    return TorchPoseNetwork(backbone, 5, stride, **options)


@pytest.mark.parametrize("options", [
    {"stride": 8},
    {"stride": 8, "upsampling": "bilinear", "head": "integral"},
    {"stride": 16, "upsampling": "bilinear", "output_stride": 1, "head_width": 48},
    {"stride": 4, "output_stride": 4},
    {"stride": 8, "head": "scalar"},
    {"stride": 4, "head": "scalar", "pooling": "mean"},
    {"stride": 16, "head": "scalar", "pooling": "mean"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_heads_are_those_of_torch(options, training, rng, torch):
    shape = (2, 3, 32, 64)
    minipose.manual_seed(0)
    assert_same_as_torch(network(**options), twin(torch, **options), shape, rng, torch, "float64", training)


@pytest.mark.parametrize("options", [{"upsampling": "bilinear"}, {}, {"head": "scalar"}], ids=str)
def test_heads_in_float32_are_near(options, rng, torch):
    minipose.manual_seed(0)
    options = {"stride": 16, **options}
    assert_same_as_torch(network(**options), twin(torch, **options), (2, 3, 48, 64), rng, torch, "float32")


@pytest.mark.parametrize("upsampling", ["deconvolution", "bilinear"])
@pytest.mark.parametrize("output_stride", [32, 16, 8, 4, 2, 1])
def test_every_output_stride(output_stride, upsampling):
    net = network(output_stride=output_stride, upsampling=upsampling)
    assert net(minipose.zeros(2, 3, 64, 32)).shape == (2, 3, 64 // output_stride, 32 // output_stride)
    assert (net.output_stride, net.head_kind) == (output_stride, "heatmap")
    assert len(net.head) == 6 - int(np.log2(output_stride))


def test_a_stride_is_halved_as_long_as_it_is_even():
    assert network(stride=12, output_stride=3)(minipose.zeros(2, 3, 24, 12)).shape == (2, 3, 8, 4)
    message = "output_stride must be one of 12, 6, 3 for features of stride 12, not 1"
    with pytest.raises(ValueError, match=f"^PoseNetwork: {message}$"):
        network(stride=12, output_stride=1)


@pytest.mark.parametrize("value", [None, 4.0, 0])
@pytest.mark.parametrize("attribute", ["out_channels", "stride"])
def test_a_backbone_must_say_what_it_makes(attribute, value):
    backbone = Patches()
    setattr(backbone, attribute, value)
    message = f"^PoseNetwork: the backbone's {attribute} must be "
    with pytest.raises((TypeError, ValueError), match=f"{message}.*not {value}$"):
        PoseNetwork(backbone, "scalar", 3, 4)
    delattr(backbone, attribute)
    with pytest.raises(TypeError, match=f"{message}an integer, not None$"):
        PoseNetwork(backbone, "heatmap", 3, 4)


def test_channels_of_the_heads():
    chain = MapHead(512, 16, 5, "bilinear", 256)
    assert [step[1].out_channels for step in chain[:-1]] == [256, 128, 64, 32, 16]
    assert [step[1].out_channels for step in MapHead(512, 16, 5, "bilinear", 64)[:-1]] == [64, 32, 16, 16, 16]
    assert [step[1].out_channels for step in MapHead(9, 16, 2, "bilinear", 6)[:-1]] == [6, 6]
    assert [step[0].out_channels for step in MapHead(512, 16, 3, "deconvolution", 256)[:-1]] == [256] * 3
    assert [MeanFeatures(C, 4).out_channels for C in (20, 200, 600)] == [80, 512, 600]
    assert MeanFeatures(20, 32).out_channels == 20


def test_maps_begin_near_zero_and_are_linear(rng):
    minipose.manual_seed(0)
    net = network(head="integral").eval()
    x = rng.standard_normal((1, 3, 64, 32)).astype(np.float32)
    maps = net(Tensor(x)).data
    assert net.head_kind == "integral" and 0 < np.abs(maps).max() < 0.1 and (maps < 0).any()


@pytest.mark.parametrize("pooling", ["points", "mean"])
@pytest.mark.parametrize("stride", [1, 4, 32])
def test_coordinates_begin_round_the_middle_of_the_image(pooling, stride, rng):
    minipose.manual_seed(0)
    head = ScalarHead(20, 7, stride, pooling)
    features = Tensor(np.abs(rng.standard_normal((8, 20, 64 // stride + 1, 16))).astype(np.float32))
    coordinates = head(features).data
    assert coordinates.shape == (8, 7, 2)
    assert pooling == "mean" or np.abs(coordinates - 0.5).max() < 0.25
    np.testing.assert_array_equal(head.linear.bias.data, 0.5)
    assert head.linear.weight.data.std() == pytest.approx(0.01, rel=0.1)
    head.linear.weight.data[:] = 0
    np.testing.assert_array_equal(head(features).data, 0.5)


def test_a_scalar_head_has_no_output_stride():
    net = network(head="scalar", output_stride=4)
    assert net.output_stride is None and net.head_kind == "scalar"
    assert net(minipose.zeros(2, 3, 32, 64)).shape == (2, 3, 2)
    for wrong in (0, 2.0, None):
        with pytest.raises((TypeError, ValueError), match="^PoseNetwork: output_stride must be "):
            network(head="scalar", output_stride=wrong)


def test_joints_are_pairs_of_x_and_y(rng):
    """A spot that moves to the right changes x alone, one that moves down y alone, by as much as it moves."""
    head = ScalarHead(1, 1, 16)
    head.pooling.maps.weight.data[:] = 100
    head.linear.weight.data[:] = np.tile(np.eye(2), 8) / 8
    images = np.zeros((3, 1, 4, 5), np.float32)
    for i, (x, y) in enumerate([(1, 2), (3, 2), (1, 0)]):
        images[i, 0, y, x] = 1
    expected = [[1.5 / 5, 2.5 / 4], [3.5 / 5, 2.5 / 4], [1.5 / 5, 0.5 / 4]]
    np.testing.assert_allclose(head(Tensor(images)).data[:, 0], expected, atol=1e-6)


STRIDES = "output_stride must be one of 32, 16, 8, 4, 2, 1 for features of stride 32, not"


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"head": "maps"}, ValueError, "head must be one of 'heatmap', 'integral', 'scalar', not 'maps'"),
    ({"upsampling": "nearest"}, ValueError, "upsampling must be one of 'deconvolution', 'bilinear', not 'nearest'"),
    ({"pooling": "max"}, ValueError, "pooling must be one of 'points', 'mean', not 'max'"),
    ({"joints": 0}, ValueError, "joints must be at least 1, not 0"),
    ({"joints": 16.0}, TypeError, "joints must be an integer, not 16.0"),
    ({"head_width": 0}, ValueError, "head_width must be at least 1, not 0"),
    ({"head_width": True}, TypeError, "head_width must be an integer, not True"),
    ({"output_stride": 64}, ValueError, f"{STRIDES} 64"),
    ({"output_stride": 3}, ValueError, f"{STRIDES} 3"),
    ({"output_stride": 4.0}, ValueError, f"{STRIDES} 4.0"),
    ({"output_stride": True}, ValueError, f"{STRIDES} True"),
    ({"output_stride": np.arange(2)}, ValueError, f"{STRIDES} array"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, error, message):
    with pytest.raises(error, match=f"^PoseNetwork: {re.escape(message)}"):
        network(**options)


@pytest.mark.parametrize(("shape", "message"), [
    ((1, 3, 64, 48), "the image's sides must be multiples of 32, not N=1 C=3 H=64 W=48"),
    ((1, 3, 16, 64), "the image's sides must be multiples of 32, not N=1 C=3 H=16 W=64"),
    ((1, 3, 64, 0), "the image's sides must be multiples of 32"),
    ((3, 64, 64), "input must have four axes N C H W"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("head", ["heatmap", "scalar"])
def test_images_that_do_not_fit_are_named(head, shape, message):
    with pytest.raises(ValueError, match=f"^PoseNetwork: {re.escape(message)}"):
        network(head=head)(minipose.zeros(*shape))


def test_a_backbone_that_goes_further_down_says_so():
    net = PoseNetwork(Patches(stride=4, least_multiple=16), "heatmap", 3, 2)
    assert net(minipose.zeros(1, 3, 32, 16)).shape == (1, 3, 16, 8)
    with pytest.raises(ValueError, match="multiples of 16, not N=1 C=3 H=32 W=24$"):
        net(minipose.zeros(1, 3, 32, 24))
