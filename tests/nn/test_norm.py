import re

import numpy as np
import pytest

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


def test_repr():
    expected = "BatchNorm2d(3, eps=1e-05, momentum=None, affine=False, track_running_stats=True)"
    assert repr(nn.BatchNorm2d(3, momentum=None, affine=False)) == expected


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


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((0,), {}, "num_features must be a positive integer, not 0"),
    ((True,), {}, "num_features must be a positive integer, not True"),
    ((3,), {"eps": -1e-5}, "eps must not be negative, got -1e-05"),
    ((3,), {"eps": float("nan")}, "eps must not be negative, got nan"),
    ((3,), {"momentum": 1.5}, "momentum must be a fraction from 0 to 1, or None, got 1.5"),
    ((3,), {"momentum": -0.1}, "momentum must be a fraction"),
])  # fmt: skip
def test_wrong_options_are_named(arguments, options, message):
    with pytest.raises(ValueError, match=f"^BatchNorm2d: {re.escape(message)}"):
        nn.BatchNorm2d(*arguments, **options)
