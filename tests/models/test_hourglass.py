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
TOLERANCES = {"float64": 1e-8, "float32": 1e-4}


def draw_images(theirs, shape, dtype, rng, torch):
    """Return images for which no ReLU's input is so near zero that rounding decides on its side.

    One ReLU that opens in one engine only can change a gradient by a third.
    """
    nearest = []
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs: nearest.append(inputs[0].abs().min().item()))
        for module in theirs.modules()
        if isinstance(module, torch.nn.ReLU)
    ]
    for _ in range(100):
        nearest.clear()
        images = rng.standard_normal(shape).astype(dtype)
        theirs.forward_stacks(torch.tensor(images.astype("float64")))
        if min(nearest) > 1e-5:
            break
    else:
        raise AssertionError("in 100 draws no images were found")
    assert len(nearest) == len(hooks) > 10
    for hook in hooks:
        hook.remove()
    return images


@pytest.mark.parametrize(("options", "dtype"), [
    *[(options, "float64") for options in VARIANTS],
    *[(options, "float32") for options in VARIANTS[:3]],  # three stacks of depth 4 lose too many digits
], ids=str)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_of_all_stacks_are_those_of_torch(options, dtype, training, rng, torch):
    from tests.models.torch_hourglass import TorchHourglass

    options = {**SMALL, **options}
    minipose.manual_seed(0)
    ours = Hourglass(**options).to(dtype).train(training)
    theirs = TorchHourglass(**options).double().train(training)
    for name, tensor in ours.state_dict().items():  # the heads begin at zero, which would hide the rest
        tensor.data += (0.1 * rng.random(tensor.shape)).astype(tensor.dtype)
        assert not name.startswith("heads") or np.abs(tensor.data).max() > 0.01
    theirs.load_state_dict(to_torch(torch, ours))
    values = draw_images(theirs, (5, options.get("in_channels", 3), 32, 16), dtype, rng, torch)
    theirs.load_state_dict(to_torch(torch, ours))  # the draws have moved the running statistics
    tolerance = TOLERANCES[dtype]
    maps, expected = ours.forward_stacks(Tensor(values)), theirs.forward_stacks(torch.tensor(values.astype("float64")))
    assert len(maps) == len(expected) == options.get("stacks", 1)
    upstream = [rng.standard_normal(m.shape).astype(dtype) for m in maps]
    for m, e in zip(maps, expected, strict=True):
        assert m.shape == (5, options["joints"], 16, 8) and m.dtype == dtype
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
    ({"width": 0}, "width must be an integer from 1 to 2147483648, not 0"),
    ({"depth": 1}, "depth must be an integer from 2 to 16, not 1"),
    ({"stacks": 1.0}, "stacks must be an integer from 1 to 64, not 1.0"),
    ({"joints": True}, "joints must be an integer from 1 to 2147483648, not True"),
    ({"in_channels": "3"}, "in_channels must be an integer from 1 to 2147483648, not '3'"),
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
