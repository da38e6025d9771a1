"""Every optimiser on the device: the same numbers as on the host, no waiting; and what it refuses."""

import numpy as np
import pytest

import minipose
from minipose import nn, optim
from minipose.nn.utils import clip_grad_norm_, clip_grad_value_
from tests.optim import twins
from tests.oracle import assert_close

each_option = pytest.mark.parametrize(("name", "options"), twins.OPTIONS, ids=str)


def on_device(params):
    return [nn.Parameter(minipose.tensor(p.data, device="cuda")) for p in params]


def give_the_same(host, device):
    for p, q in zip(host, device, strict=True):
        q.grad = None if p.grad is None else minipose.tensor(p.grad.data, device="cuda")


@each_option
def test_steps_equal_those_on_the_host_without_waiting(name, options, device_module, no_waiting, rng):
    host = twins.parameters(rng)
    device = on_device(host)
    optimizers = [getattr(optim, name)(twins.groups(params, name), **options) for params in (host, device)]
    for step in range(4):
        twins.give_gradients(rng, host, without={step})
        give_the_same(host, device)
        optimizers[0].step()
        with no_waiting():
            optimizers[1].step()
            optimizers[1].zero_grad(set_to_none=False)
    for p, q in zip(host, device, strict=True):
        assert isinstance(q.data, device_module.ndarray)
        assert_close(q.data.get(), p.data, 1e-12)
    saved = optimizers[1].state_dict()
    for i, values in optimizers[0].state_dict()["state"].items():
        for key, value in values.items():
            assert key == "step" or isinstance(saved["state"][i][key], np.ndarray)
            assert_close(saved["state"][i][key], value, 1e-12, key)
    optimizers[1].load_state_dict(saved)
    for state in optimizers[1].state:
        assert all(key == "step" or isinstance(value, device_module.ndarray) for key, value in state.items())


@pytest.mark.parametrize("name", twins.GROUP_OPTIONS)
def test_a_model_that_was_moved_after_the_first_step_is_refused(name, device_module, rng):
    net = nn.Linear(3, 2)
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(optim, name)(net.parameters(), **options)
    twins.give_gradients(rng, list(net.parameters()))
    optimizer.step()
    net.to("cuda")
    with pytest.raises(ValueError, match=rf"^{name}.step: \w+ is .* on 'cpu', but its parameter is .* on 'cuda'"):
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert all(isinstance(p.data, device_module.ndarray) for p in net.parameters())


def test_a_gradient_on_another_device_is_refused(device_module, rng):
    p = nn.Parameter(minipose.tensor(np.ones(2), device="cuda"))
    p.grad = minipose.tensor(np.ones(2))
    with pytest.raises(ValueError, match="^SGD.step: the gradient must be .* on 'cuda' as its parameter, not .* 'cpu'"):
        optim.SGD([p]).step()
    q = nn.Parameter(np.ones(2))
    q.grad, p.grad = minipose.tensor(np.ones(2)), minipose.tensor(np.ones(2), device="cuda")
    with pytest.raises(ValueError, match="^clip_grad_norm_: the gradients are on several devices, cpu and cuda"):
        clip_grad_norm_([p, q], 1.0)


@pytest.mark.parametrize("norm_type", [2, 1, 3.5, 0, "inf"])
def test_clipping_equals_that_on_the_host_without_waiting(norm_type, device_module, no_waiting, rng):
    host = twins.parameters(rng)[:4]
    device = on_device(host)
    twins.give_gradients(rng, host, without={1})
    give_the_same(host, device)
    expected = clip_grad_norm_(host, 2.5, norm_type)
    clip_grad_value_(host, 0.01)
    with no_waiting():
        total = clip_grad_norm_(device, 2.5, norm_type)
        clip_grad_value_(device, 0.01)
    assert_close(total.data.get(), expected.data, 1e-12)
    for p, q in zip(host, device, strict=True):
        if p.grad is not None:
            assert_close(q.grad.data.get(), p.grad.data, 1e-12)
