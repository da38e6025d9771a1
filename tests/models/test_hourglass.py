import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.models import Hourglass
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

VARIANTS = [
    {"skip": False},
    {"skip": True},
    {"depth": 2, "stacks": 2, "in_channels": 1, "joints": 7},
    {"depth": 4, "stacks": 3, "skip": False},
    {"decoder": "bilinear", "stacks": 2, "supervision": "last"},
    {"decoder": "maxpool", "skip": False, "padding_mode": "replicate"},
    {"depth": 2, "decoder": "bilinear", "padding_mode": "circular"},
    {"kernel": 1, "padding_mode": "reflect"},
    {"kernel": 3, "output_stride": 4},
    {"output_stride": 8, "decoder": "bilinear"},
    {"head": "integral", "kernel": 2},
    {"head": "scalar", "stacks": 2, "depth": 2},
    {"head": "scalar", "stacks": 2, "depth": 2, "supervision": "last"},
    {"head": "scalar", "output_stride": 4},
]
SMALL = {"width": 5, "joints": 3}


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS],
    *[(options, "float32") for options in (*VARIANTS[:3], VARIANTS[5])],  # three stacks lose too many digits
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_of_all_stacks_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_hourglass import TorchHourglass

    options = SMALL | options
    minipose.manual_seed(0)
    shape = (5, options.get("in_channels", 3), 32, 16)
    assert_same_as_torch(Hourglass(**options), TorchHourglass(**options), shape, rng, torch, dtype, training)


def test_reference_has_the_size_of_the_design():
    result = summary(Hourglass(width=32, depth=3, skip=False), (1, 3, 64, 64))
    assert result.parameters == 855_856
    assert result.multiply_adds == 112_066_560
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize("options", [
    {}, {"depth": 2}, {"depth": 5, "skip": False}, {"stacks": 2}, {"output_stride": 4}, {"output_stride": 8},
    {"decoder": "maxpool"},
], ids=str)  # fmt: skip
def test_forward_returns_the_maps_of_the_last_stack(options, rng):
    minipose.manual_seed(1)
    network = Hourglass(**SMALL, **options).eval()
    x = Tensor(rng.standard_normal((2, 3, 64, 32)).astype(np.float32))
    with minipose.no_grad():
        stacks, maps = network.forward_stacks(x), network(x)
    assert len(stacks) == options.get("stacks", 1)
    np.testing.assert_array_equal(maps.data, stacks[-1].data)
    stride = options.get("output_stride", 2)
    assert network.output_stride == stride and network.head_kind == "heatmap"
    assert maps.shape == (2, 3, 64 // stride, 32 // stride)


def test_the_input_of_the_first_stack_reaches_the_second_and_its_maps_too(rng):
    network = Hourglass(**SMALL, stacks=2)
    x = Tensor(rng.standard_normal((2, 3, 16, 8)).astype(np.float32))
    network.forward_stacks(x)[1].sum().backward()
    for name in ("heads.0.weight", "heads.1.weight", "from_maps.0.weight", "from_features.0.weight", "stem.0.weight"):
        assert np.abs(dict(network.named_parameters())[name].grad.data).max() > 0, name
    network.zero_grad()
    network.forward_stacks(x)[0].sum().backward()
    assert dict(network.named_parameters())["heads.1.weight"].grad is None


def test_without_intermediate_supervision_a_head_learns_by_its_maps_only(rng):
    x = Tensor(rng.standard_normal((2, 3, 16, 8)).astype(np.float32))
    for supervision, outputs, learns in (("all", 2, True), ("last", 1, False)):
        network = Hourglass(**SMALL, stacks=2, supervision=supervision)
        for through_maps in (True, False):
            if not through_maps:
                network.from_maps[0].weight.data[...] = 0
            network.zero_grad()
            results = network.forward_stacks(x)
            assert len(results) == outputs
            sum(result.sum() for result in results).backward()
            assert network.heads[0].weight.grad.data.any() == (through_maps or learns), (supervision, through_maps)
            assert network.heads[1].weight.grad.data.any()


def test_a_scalar_head_gives_coordinates_and_hands_on_features_only(rng):
    network = Hourglass(**SMALL, head="scalar", stacks=2)
    assert network.output_stride is None and network.head_kind == "scalar"
    assert len(network.from_maps) == 0 and len(network.from_features) == 1
    stacks = network.forward_stacks(Tensor(rng.standard_normal((2, 3, 16, 8)).astype(np.float32)))
    assert [result.shape for result in stacks] == [(2, 3, 2)] * 2


def test_dropout_hides_features_from_the_heads_and_from_nothing_else(rng):
    x = Tensor(rng.standard_normal((2, 3, 16, 8)).astype(np.float32))
    plain, blind, halved = networks = [Hourglass(**SMALL, stacks=2, dropout=p) for p in (0.0, 1.0, 0.5)]
    plain.from_maps[0].weight.data[...] = 0  # so that the second stack sees the features of the first alone
    for network in networks:
        network.load_state_dict(plain.state_dict())
    maps = [[m.data for m in network.forward_stacks(x)] for network in networks]
    assert all(m.any() for m in maps[0]) and not any(m.any() for m in maps[1])
    assert not np.allclose(maps[0][1], maps[2][1])
    for network in (blind, halved):  # equal running statistics: every layer but the heads has seen the same
        assert_same_arrays(network.state_dict(), plain.state_dict())
        np.testing.assert_array_equal(network.eval()(x).data, plain.eval()(x).data)


def assert_same_arrays(state, expected):
    for name, tensor in state.items():
        np.testing.assert_array_equal(tensor.data, expected[name].data, err_msg=name)


def test_heads_begin_near_zero_and_other_layers_do_not():
    minipose.manual_seed(0)
    network = Hourglass(stacks=2)
    for head in network.heads:
        assert head.weight.data.std() == pytest.approx(0.001, rel=0.15) and not head.bias.data.any()
    assert network.from_features[0].weight.data.std() > 0.1
    assert all((m.weight.data == 1).all() for m in network.modules() if isinstance(m, nn.BatchNorm2d))


def test_skips_add_features_but_no_parameters():
    with_skip, without = Hourglass(**SMALL, skip=True), Hourglass(**SMALL, skip=False)
    assert list(with_skip.state_dict()) == list(without.state_dict())
    without.load_state_dict(with_skip.state_dict())
    x = minipose.ones(2, 3, 16, 8)
    assert not np.allclose(with_skip(x).data, without(x).data)


def test_networks_are_seeded():
    networks = []
    for seed in (3, 3, 4):
        minipose.manual_seed(seed)
        networks.append(Hourglass(**SMALL).state_dict()["stem.0.weight"].data)
    np.testing.assert_array_equal(networks[0], networks[1])
    assert not np.array_equal(networks[0], networks[2])


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"depth": 1}, "depth must be at least 2, not 1"),
    ({"depth": 9}, "depth must be at most 8, not 9"),
    ({"stacks": 1.0}, "stacks must be an integer, not 1.0"),
    ({"stacks": 65}, "stacks must be at most 64, not 65"),
    ({"joints": True}, "joints must be an integer, not True"),
    ({"in_channels": "3"}, "in_channels must be an integer, not '3'"),
    ({"kernel": 5}, "kernel must be at most 4, not 5"),
    ({"kernel": 3, "decoder": "bilinear"}, "kernel=3 is for decoder='transposed' only, not 'bilinear'"),
    ({"decoder": "unpool"}, "decoder must be one of 'transposed', 'bilinear', 'maxpool', not 'unpool'"),
    ({"padding_mode": "same"}, "padding_mode must be one of 'zeros', 'reflect', 'replicate', 'circular', not 'same'"),
    ({"head": "vector"}, "head must be one of 'heatmap', 'integral', 'scalar', not 'vector'"),
    ({"supervision": "first"}, "supervision must be one of 'all', 'last', not 'first'"),
    ({"dropout": 1.5}, "dropout must be a number from 0 up to 1, not 1.5"),
    ({"output_stride": 16}, "output_stride must be 2 or 4 or 8 for depth=3, stacks=1, not 16"),
    ({"output_stride": 1}, "output_stride must be 2 or 4 or 8 for depth=3, stacks=1, not 1"),
    ({"output_stride": 4, "stacks": 2}, "output_stride must be 2 for depth=3, stacks=2, not 4"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=f"^Hourglass: {re.escape(message)}$"):
        Hourglass(**options)


@pytest.mark.parametrize(("shape", "message"), [
    ((1, 3, 24, 20), "the image's sides must be multiples of 2**depth = 8, not N=1 C=3 H=24 W=20"),
    ((1, 3, 12, 16), "the image's sides must be multiples of 2**depth = 8, not N=1 C=3 H=12 W=16"),
    ((1, 3, 0, 16), "the image's sides must be multiples"),
    ((3, 16, 16), "input must have four axes N C H W"),
], ids=str)  # fmt: skip
def test_images_that_do_not_fit_are_named(shape, message):
    with pytest.raises(ValueError, match=f"^Hourglass: {re.escape(message)}"):
        Hourglass(**SMALL)(minipose.zeros(*shape))
