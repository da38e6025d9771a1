"""Every layer that torch has, too: torch's result and gradients in training and in use, torch's state bit for bit."""

import numpy as np
import pytest

from minipose import Tensor, nn
from tests.nn.twins import check_twins, randomise, to_torch
from tests.oracle import each_dtype

IMAGES, VECTORS = (2, 6, 7, 5), (3, 6)
LAYERS = {  # arguments and options, shape of the input; what else an option does is in the layer's own test file
    "AdaptiveAvgPool2d": (((3, 2),), {}, IMAGES),
    "AdaptiveMaxPool2d": (((3, 2),), {}, IMAGES),
    "AvgPool2d": ((3, 2, 1), {}, IMAGES),
    "BatchNorm1d": ((6,), {}, VECTORS),
    "BatchNorm2d": ((6,), {}, IMAGES),
    "Conv1d": ((6, 4, 3), {"padding": 1}, (2, 6, 7)),
    "Conv2d": ((6, 4, 3), {"stride": 2, "groups": 2}, IMAGES),
    "ConvTranspose2d": ((6, 4, 4, 2, 1), {}, IMAGES),
    "Dropout": ((0.0,), {}, IMAGES),
    "Dropout2d": ((0.0,), {}, IMAGES),
    "ELU": ((0.7,), {}, VECTORS),
    "Flatten": ((), {}, IMAGES),
    "Fold": (((5, 4), (3, 2)), {}, (2, 12, 9)),
    "GELU": ((), {}, VECTORS),
    "GroupNorm": ((3, 6), {}, IMAGES),
    "Hardsigmoid": ((), {}, VECTORS),
    "Hardswish": ((), {}, VECTORS),
    "Identity": ((), {}, VECTORS),
    "InstanceNorm2d": ((6,), {"affine": True, "track_running_stats": True}, IMAGES),
    "LayerNorm": ((5,), {}, IMAGES),
    "LeakyReLU": ((0.2,), {}, VECTORS),
    "Linear": ((6, 4), {}, VECTORS),
    "LogSoftmax": ((1,), {}, VECTORS),
    "MaxPool2d": ((3, 2, 1), {}, IMAGES),
    "PReLU": ((6,), {}, IMAGES),
    "PixelShuffle": ((2,), {}, (2, 8, 3, 5)),
    "PixelUnshuffle": ((2,), {}, (2, 3, 4, 6)),
    "ReLU": ((), {}, VECTORS),
    "ReLU6": ((), {}, VECTORS),
    "SiLU": ((), {}, VECTORS),
    "Sigmoid": ((), {}, VECTORS),
    "Softmax": ((1,), {}, VECTORS),
    "Softplus": ((2.0,), {}, VECTORS),
    "Tanh": ((), {}, VECTORS),
    "Unfold": (((3, 2),), {}, IMAGES),
    "Upsample": ((), {"scale_factor": 2}, IMAGES),
}
LOSSES = {  # what the second argument is, given the first
    "BCELoss": lambda p, rng: rng.random(p.shape),
    "BCEWithLogitsLoss": lambda x, rng: rng.random(x.shape),
    "CrossEntropyLoss": lambda x, rng: rng.integers(0, x.shape[1], x.shape[:1]),
    "HuberLoss": lambda x, rng: rng.standard_normal(x.shape),
    "KLDivLoss": lambda x, rng: rng.random(x.shape),
    "L1Loss": lambda x, rng: rng.standard_normal(x.shape),
    "MSELoss": lambda x, rng: rng.standard_normal(x.shape),
    "NLLLoss": lambda x, rng: rng.integers(0, x.shape[1], x.shape[:1]),
    "SmoothL1Loss": lambda x, rng: rng.standard_normal(x.shape),
}


def both(torch, name):
    arguments, options, _ = LAYERS[name]
    return getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)


@pytest.mark.parametrize("name", LAYERS)
@each_dtype
def test_a_layer_computes_and_learns_as_torchs(name, dtype, rng, torch):
    ours, theirs = both(torch, name)
    assert repr(ours) == repr(theirs)
    looser = 1e5 if name == "Hardsigmoid" else 1  # torch keeps its slope, 1/6, in float32
    check_twins(torch, ours, theirs, LAYERS[name][2], rng, dtype, looser)


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_goes_both_ways_bit_for_bit(name, rng, torch):
    ours, theirs = both(torch, name)
    given = {key: value.clone() for key, value in theirs.state_dict().items()}
    randomise(ours, rng)
    own = {key: value.data.copy() for key, value in ours.state_dict().items()}
    theirs.load_state_dict(to_torch(torch, ours))
    ours.load_state_dict(given)
    assert list(own) == list(given)
    for key, value in given.items():
        np.testing.assert_array_equal(theirs.state_dict()[key].numpy(), own[key], strict=True)
        np.testing.assert_array_equal(ours.state_dict()[key].data, value.numpy(), strict=True)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # torch on kl_div
def test_a_loss_computes_and_learns_as_torchs(name, rng, torch):
    ours, theirs = getattr(nn, name)(), getattr(torch.nn, name)()
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict()) == []
    values = rng.random((5, 3)) * 0.8 + 0.1 if name == "BCELoss" else rng.standard_normal((5, 3))
    target = LOSSES[name](values, rng)
    x, y = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    loss, expected = ours(x, Tensor(target)), theirs(y, torch.tensor(target))
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-12)
    (loss * 1.7).backward()
    (expected * 1.7).backward()
    assert np.abs(x.grad.data).max() > 1e-3
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-12)


def test_training_and_use_reach_every_layer():
    layers = [getattr(nn, name)(*arguments, **options) for name, (arguments, options, _) in LAYERS.items()]
    net = nn.Sequential(nn.Sequential(*layers))
    assert all(layer.training for layer in layers)
    net.eval()
    assert not any(layer.training for layer in layers)
