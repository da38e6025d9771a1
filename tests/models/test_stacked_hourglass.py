import re

import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.models import StackedHourglass
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

SMALL = {"width": 12, "order": 2, "joints": 3}
VARIANTS = [
    {},
    {"stem_stride": 4, "order": 1, "stacks": 2, "in_channels": 1},
    {"order": 3, "stacks": 3},
    {"head": "integral", "stacks": 2, "supervision": "last"},
    {"head": "scalar", "stacks": 2, "stem_stride": 4, "order": 1},
    {"head": "scalar", "stacks": 2, "supervision": "last"},
]


def drop_biases(network, convolution):
    """Leave only the biases of the outputs: the mean of a batch takes off what another one adds, so no gradient is."""
    outputs = list(network.heads)[-1 if network.supervision == "last" else 0 :]
    kept = {id(module) for head in outputs for module in head.modules()}
    for module in network.modules():
        if isinstance(module, convolution) and id(module) not in kept:
            module.bias = None


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS], *[(options, "float32") for options in VARIANTS[:2]],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_of_all_stacks_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_stacked_hourglass import TorchStackedHourglass

    options = {"stem_stride": 2, "stacks": 1} | SMALL | options
    minipose.manual_seed(1)  # with which no residual module is dead
    ours, theirs = StackedHourglass(**options), TorchStackedHourglass(**options)
    if training:
        drop_biases(ours, nn.Conv2d)
        drop_biases(theirs, torch.nn.Conv2d)
    assert_same_as_torch(ours, theirs, (3, options.get("in_channels", 3), 32, 16), rng, torch, dtype, training)


def parameters(**options):
    return sum(p.numel() for p in StackedHourglass(stem_stride=4, **options).parameters())


def test_parameters_are_as_many_as_published():
    one, two = (parameters(width=256, order=4, stacks=stacks) for stacks in (1, 2))
    assert [round(n / 1e6, 2) for n in (one, two)] == [3.43, 6.57]
    eight = parameters(width=256, order=4, stacks=8)
    assert eight == one + 7 * (two - one) == 25_434_112
    assert round((one + 3 * (two - one)) / 1e6, 2) == 12.86


@pytest.mark.parametrize(("width", "order", "millions", "digits"), [
    (128, 4, [0.87, 1.66], 2), (64, 4, [0.221, 0.424], 3), (64, 3, [0.180, 0.342], 3),
])  # fmt: skip
def test_parameters_of_narrower_networks(width, order, millions, digits):
    counts = [parameters(width=width, order=order, stacks=stacks) for stacks in (1, 2)]
    assert [round(n / 1e6, digits) for n in counts] == millions


def test_default_is_small_enough_for_two_cores():
    result = summary(StackedHourglass(), (1, 3, 64, 64))
    assert (result.parameters, result.multiply_adds) == (180_400, 70_090_752)
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize("stem_stride", [2, 4])
def test_maps_have_the_stride_of_the_stem(stem_stride):
    network = StackedHourglass(**SMALL, stem_stride=stem_stride)
    assert network(minipose.zeros(2, 3, 48, 32)).shape == (2, 3, 48 // stem_stride, 32 // stem_stride)
    assert network.output_stride == stem_stride and network.head_kind == "heatmap"
    assert StackedHourglass(**SMALL, stem_stride=stem_stride, head="scalar").output_stride is None


def test_a_state_fits_both_strides():
    coarse, fine = StackedHourglass(**SMALL, stem_stride=4), StackedHourglass(**SMALL)
    fine.load_state_dict(coarse.state_dict())
    image = minipose.ones(1, 3, 32, 32)
    assert np.isfinite(fine.eval()(image).data).all()


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"width": 30}, "width must be a multiple of 4, not 30"),
    ({"order": 0}, "order must be at least 1, not 0"),
    ({"order": 9}, "order must be at most 8, not 9"),
    ({"stacks": 65}, "stacks must be at most 64, not 65"),
    ({"stem_stride": 1}, "stem_stride must be one of 2, 4, not 1"),
    ({"stem_stride": True}, "stem_stride must be one of 2, 4, not True"),
    ({"head": None}, "head must be one of 'heatmap', 'integral', 'scalar', not None"),
    ({"supervision": True}, "supervision must be one of 'all', 'last', not True"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^StackedHourglass: {re.escape(message)}"):
        StackedHourglass(**options)


def test_images_that_do_not_fit_are_named():
    message = "the image's sides must be multiples of stem_stride * 2**order = 8, not N=1 C=3 H=16 W=12"
    with pytest.raises(ValueError, match=f"^StackedHourglass: {re.escape(message)}"):
        StackedHourglass(**SMALL)(minipose.zeros(1, 3, 16, 12))
