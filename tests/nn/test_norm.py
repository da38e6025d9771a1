import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from tests.nn.twins import assert_same_state, check_twins, randomise, to_torch
from tests.oracle import assert_close, each_dtype

SHAPE = (2, 3, 7, 5)
OPTIONS = [
    {},
    {"momentum": None},
    {"momentum": 0.3, "eps": 0.2},
    {"affine": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False},
]
each_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


@each_option
@each_dtype
def test_matches_torch(options, dtype, rng, torch):
    check_twins(torch, nn.BatchNorm2d(3, **options), torch.nn.BatchNorm2d(3, **options), SHAPE, rng, dtype)


@each_option
def test_running_statistics_after_several_batches(options, rng, torch):
    ours, theirs = nn.BatchNorm2d(3, **options), torch.nn.BatchNorm2d(3, **options)
    assert_same_state(ours, theirs, 0)  # ones and zeros
    for i in range(5):
        batch = (rng.standard_normal(SHAPE) * (i + 1) + i + 2).astype(np.float32)
        ours(Tensor(batch))
        theirs(torch.from_numpy(batch))
        assert_same_state(ours, theirs, 1e-5)
    if ours.track_running_stats:
        assert ours.num_batches_tracked.item() == 5
    ours.eval()
    theirs.eval()
    result = ours(Tensor(batch))
    assert_close(result.data, theirs(torch.from_numpy(batch)).detach().numpy(), 1e-5)
    assert_same_state(ours, theirs, 1e-5)


def test_without_momentum_the_statistics_are_those_of_all_batches(rng):
    layer = nn.BatchNorm2d(3, momentum=None)
    batches = [rng.standard_normal(SHAPE).astype(np.float32) * 3 + 1 for _ in range(4)]
    for batch in batches:
        layer(Tensor(batch))
    assert_close(layer.running_mean.data, np.mean([b.mean((0, 2, 3)) for b in batches], 0), 1e-5)
    assert_close(layer.running_var.data, np.mean([b.var((0, 2, 3), ddof=1) for b in batches], 0), 1e-5)


def test_eval_changes_nothing_and_does_not_depend_on_the_batch(rng):
    layer = nn.BatchNorm2d(3).eval()
    randomise(layer, rng)
    before = {name: t.data.copy() for name, t in layer.state_dict().items()}
    x = rng.standard_normal(SHAPE).astype(np.float32)
    assert_close(layer(Tensor(x[:1])).data, layer(Tensor(x)).data[:1], 1e-6)
    for name, tensor in layer.state_dict().items():
        np.testing.assert_array_equal(tensor.data, before[name], err_msg=name)


def test_a_refused_batch_is_not_counted():
    layer = nn.BatchNorm2d(3, momentum=None)
    with pytest.raises(ValueError):
        layer(Tensor(np.zeros((2, 5, 7, 3), np.float32)))
    assert layer.num_batches_tracked.item() == 0


def test_state_is_loaded_from_torch_with_its_counter(rng, torch):
    theirs, ours = torch.nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    for _ in range(3):
        theirs(torch.from_numpy(rng.standard_normal(SHAPE).astype(np.float32)))
    ours.load_state_dict(theirs.state_dict())
    assert_same_state(ours, theirs, 0)
    assert ours.num_batches_tracked.item() == 3 and ours.num_batches_tracked.dtype == np.int64
    assert to_torch(torch, ours)["num_batches_tracked"].dtype == torch.int64


SPLIT = [  # layer, arguments, shape of the input
    ("BatchNorm1d", (3,), (7, 3)),
    ("BatchNorm1d", (3,), (2, 3, 5)),
    ("BatchNorm2d", (3,), SHAPE),
    ("InstanceNorm2d", (3,), SHAPE),
    ("InstanceNorm2d", (3,), SHAPE[1:]),
    ("GroupNorm", (2, 6), (7, 6)),
    ("GroupNorm", (3, 6), (2, 6, 5, 3)),
    ("LayerNorm", (5,), SHAPE),
    ("LayerNorm", ((7, 5),), SHAPE),
    ("LayerNorm", ([3, 7, 5],), SHAPE),
]
VARIANTS = {  # of those that normalise channels, and of the others
    True: [
        {}, {"affine": True, "bias": False}, {"affine": False}, {"affine": True, "track_running_stats": True},
        {"affine": True, "track_running_stats": True, "momentum": 0.3, "eps": 0.2},
        {"affine": True, "track_running_stats": True, "momentum": None},
    ],
    False: [{}, {"bias": False}, {"eps": 0.2}],
}  # fmt: skip
LAYERS = [
    (name, arguments, options, shape)
    for name, arguments, shape in SPLIT
    for options in VARIANTS[name.startswith(("Batch", "Instance"))]
] + [("GroupNorm", (3, 6), {"affine": False}, (2, 6, 5)), ("LayerNorm", (5,), {"elementwise_affine": False}, (3, 5))]


@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS, ids=str)
@each_dtype
def test_every_layer_matches_torch(name, arguments, options, shape, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)
    assert repr(ours) == repr(theirs)
    assert_same_state(ours, theirs, 0)
    check_twins(torch, ours, theirs, shape, rng, dtype)


@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS, ids=str)
def test_state_goes_both_ways_bit_for_bit(name, arguments, options, shape, rng, torch):
    ours, theirs = getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)
    randomise(ours, rng)
    theirs.load_state_dict(to_torch(torch, ours))
    again = getattr(nn, name)(*arguments, **options)
    again.load_state_dict(theirs.state_dict())
    for key, value in ours.state_dict().items():
        assert value.dtype == str(theirs.state_dict()[key].dtype).removeprefix("torch.")
        np.testing.assert_array_equal(theirs.state_dict()[key].numpy(), value.data)
        np.testing.assert_array_equal(again.state_dict()[key].data, value.data)


def test_checkpoint_counts_a_batch_once(rng):
    layer = nn.BatchNorm2d(3, momentum=None)
    x = Tensor(rng.standard_normal(SHAPE).astype(np.float32), requires_grad=True)
    y = minipose.checkpoint(layer, x)
    before = {name: t.data.copy() for name, t in layer.state_dict().items()}
    y.sum().backward()
    assert layer.num_batches_tracked.item() == 1
    for name, tensor in layer.state_dict().items():
        np.testing.assert_array_equal(tensor.data, before[name], err_msg=name)


@pytest.mark.parametrize(("layer", "shape", "message"), [
    (nn.BatchNorm1d(3), (3,), r"BatchNorm1d: input must be (N, C) or (N, C, L), not of shape (3,)"),
    (nn.BatchNorm1d(3), SHAPE, r"BatchNorm1d: input must be (N, C) or (N, C, L), not of shape (2, 3, 7, 5)"),
    (nn.BatchNorm1d(3), (2, 5), "BatchNorm1d: input (2, 5) has 5 channels, not num_features=3"),
    (nn.BatchNorm1d(3), (1, 3), "batch_norm: training needs more than one value per channel, not input (1, 3)"),
    (nn.BatchNorm2d(3), SHAPE[1:], "BatchNorm2d: input must be (N, C, H, W), not of shape (3, 7, 5)"),
    (nn.BatchNorm2d(3), (1, 3, 1, 1), "batch_norm: training needs more than one value per channel"),
    (nn.BatchNorm2d(4, affine=False, track_running_stats=False), SHAPE, "BatchNorm2d: input (2, 3, 7, 5) has 3 chan"),
    (nn.InstanceNorm2d(4), SHAPE, "InstanceNorm2d: input (2, 3, 7, 5) has 3 channels, not num_features=4"),
    (nn.InstanceNorm2d(4), SHAPE[1:], "InstanceNorm2d: input (3, 7, 5) has 3 channels, not num_features=4"),
    (nn.InstanceNorm2d(3), SHAPE[2:], "InstanceNorm2d: input must be (N, C, H, W) or (C, H, W), not of shape (7, 5)"),
    (nn.InstanceNorm2d(3), (2, 3, 1, 1), "instance_norm: needs more than one value per channel and sample"),
    (nn.LayerNorm(7), SHAPE, "layer_norm: input (2, 3, 7, 5) must end in normalized_shape=(7,)"),
    (nn.GroupNorm(2, 4), SHAPE, "GroupNorm: input must be (N, C=4, ...), not of shape (2, 3, 7, 5)"),
    (nn.GroupNorm(2, 4), (4,), "GroupNorm: input must be (N, C=4, ...), not of shape (4,)"),
])  # fmt: skip
def test_wrong_inputs_are_named(layer, shape, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        layer(minipose.ones(*shape))
    for name, tensor in layer.state_dict().items():
        assert (tensor.data == (1 if name in ("weight", "running_var") else 0)).all()
    with pytest.raises(TypeError, match=f"^({type(layer).__name__}|layer_norm): input must be a Tensor, not ndarray"):
        layer(np.ones(shape, np.float32))


NAN = float("nan")


@pytest.mark.parametrize(("layer", "arguments", "options", "message"), [
    *((layer, *rest) for layer in ("BatchNorm1d", "BatchNorm2d", "InstanceNorm2d") for rest in [
        ((0,), {}, "num_features must be at least 1, not 0"),
        ((True,), {}, "num_features must be an integer, not True"),
        ((2.0,), {}, "num_features must be an integer, not 2.0"),
        ((3,), {"eps": -1e-5}, "eps must be a number from 0, not -1e-05"),
        ((3,), {"eps": NAN}, "eps must be a number from 0, not nan"),
        ((3,), {"eps": None}, "eps must be a number, not None"),
        ((3,), {"momentum": 1.5}, "momentum must be a number from 0 up to 1, not 1.5"),
        ((3,), {"momentum": -0.1}, "momentum must be a number from 0 up to 1, not -0.1"),
        ((3,), {"momentum": "a"}, "momentum must be a number, not 'a'"),
        ((3,), {"affine": 1}, "affine must be True or False, not 1"),
        ((3,), {"track_running_stats": None}, "track_running_stats must be True or False, not None"),
        ((3,), {"bias": 0}, "bias must be True or False, not 0"),
    ]),
    ("LayerNorm", (3.0,), {}, "normalized_shape must be an integer or several, not 3.0"),
    ("LayerNorm", ((3, "5"),), {}, "normalized_shape must be an integer or several, not (3, '5')"),
    ("LayerNorm", ((),), {}, "normalized_shape must be one length or more, not ()"),
    ("LayerNorm", (-3,), {}, "normalized_shape must be one length or more, not -3"),
    ("LayerNorm", (3,), {"eps": -1}, "eps must be a number from 0, not -1"),
    ("LayerNorm", (3,), {"elementwise_affine": 1}, "elementwise_affine must be True or False, not 1"),
    ("LayerNorm", (3,), {"bias": None}, "bias must be True or False, not None"),
    ("GroupNorm", (3, 4), {}, "num_groups=3 does not divide num_channels=4"),
    ("GroupNorm", (0, 4), {}, "num_groups must be at least 1, not 0"),
    ("GroupNorm", (-2, 4), {}, "num_groups must be at least 1, not -2"),
    ("GroupNorm", (2, 4.0), {}, "num_channels must be an integer, not 4.0"),
    ("GroupNorm", (2, 4), {"eps": "a"}, "eps must be a number, not 'a'"),
    ("GroupNorm", (2, 4), {"affine": 1}, "affine must be True or False, not 1"),
])  # fmt: skip
def test_wrong_options_are_named(layer, arguments, options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{layer}: {re.escape(message)}"):
        getattr(nn, layer)(*arguments, **options)
