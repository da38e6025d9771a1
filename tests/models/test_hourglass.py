import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.models import Hourglass
from minipose.nn import summary
from tests.nn.twins import assert_same_parameter_gradients, assert_same_state, randomise, to_torch
from tests.oracle import assert_close

VARIANTS = [
    {"skip": False},
    {"skip": True},
    {"depth": 2, "stacks": 2, "in_channels": 1, "joints": 7},
    {"depth": 4, "stacks": 3, "skip": False},
]
SMALL = {"width": 5, "joints": 3}


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-4)])
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_of_all_stacks_are_those_of_torch(options, dtype, tolerance, training, rng, torch):
    from tests.models.torch_hourglass import TorchHourglass

    options = {**SMALL, **options}
    minipose.manual_seed(0)
    ours = Hourglass(**options).to(dtype).train(training)
    theirs = TorchHourglass(**options).double().train(training)
    assert repr(ours.hourglasses[0].encoder[0].branch[0]) == repr(theirs.hourglasses[0].encoder[0].branch[0])
    for name, tensor in ours.state_dict().items():  # the heads begin at zero, which would hide the rest
        tensor.data += (0.1 * rng.random(tensor.shape)).astype(tensor.dtype)
        assert not name.startswith("heads") or np.abs(tensor.data).max() > 0.01
    theirs.load_state_dict(to_torch(torch, ours))
    shape = (3, options.get("in_channels", 3), 48, 32)
    values = rng.standard_normal(shape).astype(dtype)
    maps, expected = ours.forward_stacks(Tensor(values)), theirs.forward_stacks(torch.tensor(values.astype("float64")))
    assert len(maps) == len(expected) == options.get("stacks", 1)
    upstream = [rng.standard_normal(m.shape).astype(dtype) for m in maps]
    for m, e in zip(maps, expected, strict=True):
        assert m.shape == (3, options["joints"], 24, 16) and m.dtype == dtype
        assert_close(m.data, e.detach().numpy(), tolerance)
    sum((m * Tensor(u)).sum() for m, u in zip(maps, upstream, strict=True)).backward()
    sum((e * torch.tensor(u.astype("float64"))).sum() for e, u in zip(expected, upstream, strict=True)).backward()
    assert_same_parameter_gradients(ours, theirs, tolerance)
    assert_same_state(ours, theirs, tolerance)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_state_of_torch_can_be_loaded(options, rng, torch):
    from tests.models.torch_hourglass import TorchHourglass

    ours, theirs = Hourglass(**SMALL | options), TorchHourglass(**SMALL | options)
    randomise(ours, rng)
    ours.load_state_dict(theirs.state_dict())
    assert_same_state(ours, theirs, 0)


def test_reference_has_the_size_of_the_design():
    result = summary(Hourglass(width=32, depth=3, skip=False), (1, 3, 64, 64))
    assert result.parameters == 855_856
    assert result.multiply_adds == 112_066_560
    assert result.layers[-1].shape == (1, 16, 32, 32)


@pytest.mark.parametrize("options", [{}, {"depth": 2}, {"depth": 5, "skip": False}, {"stacks": 2}], ids=str)
def test_forward_returns_the_maps_of_the_last_stack(options, rng):
    minipose.manual_seed(1)
    network = Hourglass(**SMALL, **options).eval()
    x = Tensor(rng.standard_normal((2, 3, 64, 32)).astype(np.float32))
    with minipose.no_grad():
        stacks, maps = network.forward_stacks(x), network(x)
    assert len(stacks) == options.get("stacks", 1)
    np.testing.assert_array_equal(maps.data, stacks[-1].data)
    assert maps.shape == (2, 3, 64 // network.output_stride, 32 // network.output_stride)


def test_the_input_of_the_first_stack_reaches_the_second_and_its_maps_too(rng):
    network = Hourglass(**SMALL, stacks=2)
    x = Tensor(rng.standard_normal((2, 3, 16, 8)).astype(np.float32))
    network.forward_stacks(x)[1].sum().backward()
    for name in ("heads.0.weight", "heads.1.weight", "from_maps.0.weight", "from_features.0.weight", "stem.0.weight"):
        assert np.abs(dict(network.named_parameters())[name].grad.data).max() > 0, name
    network.zero_grad()
    network.forward_stacks(x)[0].sum().backward()
    assert dict(network.named_parameters())["heads.1.weight"].grad is None


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
    ({"width": 0}, "width must be an integer of at least 1, not 0"),
    ({"depth": 1}, "depth must be an integer of at least 2, not 1"),
    ({"stacks": 1.0}, "stacks must be an integer of at least 1, not 1.0"),
    ({"joints": True}, "joints must be an integer of at least 1, not True"),
    ({"in_channels": "3"}, "in_channels must be an integer of at least 1, not '3'"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^Hourglass: {re.escape(message)}"):
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
