import re

import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.models import DeepPose
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width": 4, "joints": 3}
SCALAR = {"head": "scalar", "hidden": 7, "image_size": 32}
VARIANTS = [
    SCALAR,
    SCALAR | {"stem_stride": 4, "image_size": 60, "in_channels": 1},
    SCALAR | {"stem_stride": 1, "image_size": 17, "width": 5},
    {"output_stride": 4, "head_width": 6},
    {"stem_stride": 4, "output_stride": 8, "upsampling": "bilinear", "head_width": 6, "head": "integral"},
    {"stem_stride": 1, "output_stride": 8},
]


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS],
    *[(VARIANTS[i], "float32") for i in (0, 3)],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_deeppose import TorchDeepPose

    options = SMALL | options
    side = options.get("image_size", 64)
    shape = (3, options.get("in_channels", 3), side, side if options.get("head") == "scalar" else 32)
    minipose.manual_seed(0)
    assert_same_as_torch(DeepPose(**options), TorchDeepPose(**options), shape, rng, torch, dtype, training)


def test_the_published_network_has_the_published_size():
    network = DeepPose(96, hidden=4096, dropout=0.6, image_size=220, stem_stride=4, head="scalar")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m.weight.shape for m in convolutions] == [
        (96, 3, 11, 11), (256, 96, 5, 5), (384, 256, 3, 3), (384, 384, 3, 3), (256, 384, 3, 3)
    ]  # fmt: skip
    # The shifts of the normalisation are the biases of the paper's convolutions.
    assert sum(m.weight.numel() for m in convolutions) + sum(m.bias.numel() for m in norms) == 3_747_200
    assert sum(p.numel() for p in network.head.parameters()) == 54_665_248
    assert network.head[0].weight.shape == (4096, 6 * 6 * 256) and network.head[-1].weight.shape == (32, 4096)
    assert sum(p.numel() for p in network.parameters()) == 3_747_200 + 54_665_248 + 1_376
    shapes = [layer.shape for layer in summary(network, (1, 3, 220, 220)).layers]
    assert [shapes[i] for i in (0, 3, 4, 7, 8, 14, 17)] == [
        (1, 96, 55, 55), (1, 96, 27, 27), (1, 256, 27, 27), (1, 256, 13, 13), (1, 384, 13, 13), (1, 256, 13, 13),
        (1, 256, 6, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(("head", "parameters", "multiply_adds"), [
    ("scalar", 815_832, 27_617_792), ("heatmap", 439_368, 54_206_464)
])  # fmt: skip
def test_the_default_is_for_small_images_and_few_cores(head, parameters, multiply_adds):
    result = summary(DeepPose(head=head), (1, 3, 64, 64))
    assert (result.parameters, result.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize("head", ["scalar", "heatmap", "integral"])
def test_heads_say_what_they_give(head, rng):
    network = DeepPose(**SMALL, head=head)
    output = network(minipose.Tensor(rng.standard_normal((2, 3, 64, 64)).astype(np.float32)))
    assert network.head_kind == head
    if head == "scalar":
        assert network.output_stride is None and output.shape == (2, 3, 2)
        last = network.head[-1]  # near the middle of the image
        assert last.weight.data.std() == pytest.approx(0.001, rel=0.1) and (last.bias.data == 0.5).all()
    else:
        assert network.output_stride == 2 and output.shape == (2, 3, 32, 32)


def test_dropout_is_after_both_hidden_layers_and_only_in_training(rng):
    network = DeepPose(**SMALL, head="scalar", hidden=64, dropout=0.6)
    assert [m.p for m in network.head if isinstance(m, nn.Dropout)] == [0.6, 0.6]
    images = minipose.Tensor(rng.standard_normal((4, 3, 64, 64)).astype(np.float32))
    seen = []
    network.head[3].register_forward_hook(lambda module, inputs, result: seen.append(inputs[0].data))
    network.head[6].register_forward_hook(lambda module, inputs, result: seen.append(inputs[0].data))
    network(images)
    network.eval()(images)
    assert [(values == 0).mean() > 0.7 for values in seen] == [True, True, False, False]


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"hidden": 0}, "hidden must be at least 1, not 0"),
    ({"dropout": 1.5}, "dropout must be a number from 0 up to 1, not 1.5"),
    ({"dropout": 0.5}, "dropout must be 0 where head is not 'scalar' but 'heatmap', not 0.5"),
    ({"stem_stride": 3}, "stem_stride must be one of 1, 2, 4, not 3"),
    ({"stem_stride": 2.0}, "stem_stride must be one of 1, 2, 4, not 2.0"),
    ({"head": "vector"}, "head must be one of 'heatmap', 'integral', 'scalar', not 'vector'"),
    ({"output_stride": 3}, "output_stride must be one of 16, 8, 4, 2, 1 for features of stride 16, not 3"),
    ({"head": "scalar", "image_size": 28}, "image_size must be at least 29 with stem_stride=2, not 28"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^DeepPose: {re.escape(message)}"):
        DeepPose(**SMALL | options)


def test_the_smallest_image_leaves_one_cell():
    for stem_stride, side in ((1, 15), (2, 29), (4, 57)):
        network = DeepPose(**SMALL, head="scalar", hidden=5, stem_stride=stem_stride, image_size=side)
        assert network.head[0].weight.shape == (5, 10)
        assert network(minipose.zeros(2, 3, side, side)).shape == (2, 3, 2)


@pytest.mark.parametrize(("head", "shape", "message"), [
    ("scalar", (1, 3, 64, 32), "the images must be of image_size=64 x 64, not N=1 C=3 H=64 W=32"),
    ("scalar", (1, 3, 32, 32), "the images must be of image_size=64 x 64, not N=1 C=3 H=32 W=32"),
    ("heatmap", (1, 3, 64, 24), "the image's sides must be multiples of 16, not N=1 C=3 H=64 W=24"),
    ("scalar", (3, 64, 64), "input must have four axes N C H W"),
], ids=str)  # fmt: skip
def test_images_that_do_not_fit_are_named(head, shape, message):
    with pytest.raises(ValueError, match=f"^DeepPose: {re.escape(message)}"):
        DeepPose(**SMALL, head=head)(minipose.zeros(*shape))
