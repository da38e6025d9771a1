"""Batch normalisation and the rectifier run as one operation exactly where nobody can tell."""

import numpy as np
import pytest

from minipose import Tensor, nn, ops
from minipose.nn import norm


@pytest.fixture
def calls(monkeypatch):
    """The names of the normalisations that layers call."""
    names = []
    for name in ("batch_norm", "batch_norm_relu"):
        original = getattr(ops, name)

        def watched(*arguments, original=original, name=name, **options):
            names.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(norm, name, watched)
    monkeypatch.setattr(norm._BatchNorm._normalise, "__defaults__", (norm.batch_norm,))
    return names


def image(rng, requires_grad=False):
    return Tensor(rng.standard_normal((2, 5, 7, 6)), requires_grad=requires_grad)


def double(network):
    return network.to("float64")


def test_sequential_fuses_each_pair(calls, rng):
    double(nn.Sequential(nn.BatchNorm2d(5), nn.ReLU(), nn.BatchNorm2d(5), nn.BatchNorm2d(5), nn.ReLU()))(image(rng))
    assert calls == ["batch_norm_relu", "batch_norm", "batch_norm_relu"]


@pytest.mark.parametrize("training", [True, False])
def test_relu6_is_fused_too(training, calls, rng):
    network = double(nn.Sequential(nn.BatchNorm2d(5), nn.ReLU6())).train(training)
    network[0].weight.data[:] = 9
    x = image(rng)
    result = network(x).data
    assert calls == ["batch_norm_relu"] and (result == 6).any()
    if not training:
        np.testing.assert_allclose(result, np.clip(9 * x.data / np.sqrt(1 + 1e-5), 0, 6), rtol=1e-12)


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"])
def test_a_hook_sees_what_is_between(kind, position, calls, rng):
    network = double(nn.Sequential(nn.BatchNorm2d(5), nn.ReLU()))
    plain = network(image(np.random.default_rng(1))).data
    seen = []
    getattr(network[position], kind)(lambda *given: seen.append(given) and None)
    result = network(image(np.random.default_rng(1), requires_grad=True))
    result.sum().backward()
    assert calls == ["batch_norm_relu", "batch_norm"] and len(seen) == 1
    np.testing.assert_allclose(result.data, plain, rtol=1e-12)


def test_subclasses_are_left_alone(calls, rng):
    class Loud(nn.ReLU):
        def forward(self, input):
            return super().forward(input) * 2

    double(nn.Sequential(nn.BatchNorm2d(5), Loud()))(image(rng))
    double(nn.Sequential(nn.InstanceNorm2d(5), nn.ReLU()))(image(rng))
    assert calls == ["batch_norm"]


@pytest.mark.parametrize("block", [nn.ResidualBlock(5, 5), nn.TransposedResidualBlock(5, 3)], ids=["same", "twice"])
def test_a_block_with_a_hook_computes_the_same(block, calls, rng):
    x = image(rng)
    double(block)
    fused = block(x).data
    assert calls.count("batch_norm_relu") == 2
    shapes = []
    for part in (block.branch, block.branch[-1], block.relu):
        handle = part.register_forward_hook(lambda module, inputs, result: shapes.append(result.shape))
        del calls[:]
        np.testing.assert_allclose(block(x).data, fused, rtol=1e-12)
        assert calls.count("batch_norm_relu") == 1
        handle.remove()
    assert shapes == [fused.shape] * 3


def test_evaluation_fuses_too(calls, rng):
    network = double(nn.Sequential(nn.BatchNorm2d(5), nn.ReLU())).eval()
    x = image(rng)
    np.testing.assert_allclose(network(x).data, np.maximum(x.data / np.sqrt(1 + 1e-5), 0), rtol=1e-12)
    assert calls == ["batch_norm_relu"]
