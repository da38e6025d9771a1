"""Every optimiser follows torch's, step by step."""

import numpy as np
import pytest

from minipose import Tensor, nn, optim
from tests.optim import twins
from tests.oracle import TOLERANCES, assert_close, each_dtype

each_option = pytest.mark.parametrize(("name", "options"), twins.OPTIONS, ids=str)


@each_dtype
@each_option
def test_trajectory_is_that_of_torch(name, options, dtype, rng, torch):
    ours = twins.parameters(rng, dtype)
    theirs = twins.copies(torch, ours)
    optimizer, oracle = twins.optimizers(torch, name, options, ours, theirs)
    start, arrays = [p.data.copy() for p in ours], [p.data for p in ours]
    for step in range(20):
        twins.give_gradients(rng, ours, theirs, without={4: {0}, 5: {2}, 6: {4}, 7: {0, 1, 2, 3, 4}}.get(step, ()))
        optimizer.step()
        oracle.step()
        for p, q in zip(ours, theirs, strict=True):
            assert_close(p.data, q.detach().numpy(), TOLERANCES[dtype], f"step {step}")
    for p, before, array in zip(ours, start, arrays, strict=True):
        assert p.data is array and p.dtype == dtype
        assert not p.numel() or np.abs(array - before).max() > 1e-3
    saved, expected = optimizer.state_dict()["state"], oracle.state_dict()["state"]
    assert {i: set(values) for i, values in saved.items()} == {i: set(values) for i, values in expected.items()}
    for i, p in enumerate(ours):
        for key, value in saved.get(i, {}).items():
            assert_close(value, expected[i][key].numpy(), TOLERANCES[dtype], key)
            assert key == "step" or (value.strides == p.data.strides and value.dtype == dtype)


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("name", twins.GROUP_OPTIONS)
def test_a_parameter_that_never_has_a_gradient_is_left_alone(name, missing, rng):
    ours = [nn.Parameter(rng.standard_normal(3)) for _ in range(3)]
    optimizer = getattr(optim, name)(ours, lr=0.1, weight_decay=0.1)
    before = [p.data.copy() for p in ours]
    for _ in range(2):
        twins.give_gradients(rng, ours, without={missing})
        optimizer.step()
    for i, (p, old) in enumerate(zip(ours, before, strict=True)):
        assert np.array_equal(p.data, old) == (i == missing)
    kept = optimizer.state_dict()["state"]
    assert missing not in kept or kept[missing]["step"] == 0


def test_two_steps_of_momentum_by_hand():
    p = nn.Parameter(np.array([2.0, -3.0]))
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5, dampening=0.2)
    p.grad = Tensor(np.array([4.0, -1.0]))
    optimizer.step()
    np.testing.assert_allclose(p.data, [2 - 0.1 * 4, -3 + 0.1 * 1], rtol=1e-15)  # the first gradient, not dampened
    p.grad = Tensor(np.array([1.0, 1.0]))
    optimizer.step()
    buffer = [0.5 * 4 + 0.8 * 1, 0.5 * -1 + 0.8 * 1]
    np.testing.assert_allclose(p.data, [1.6 - 0.1 * buffer[0], -2.9 - 0.1 * buffer[1]], rtol=1e-15)
    np.testing.assert_allclose(optimizer.state[0]["momentum_buffer"], buffer, rtol=1e-15)


def test_two_steps_of_adam_by_hand():
    p = nn.Parameter(np.array([2.0, -3.0]))
    optimizer = optim.Adam([p], lr=0.1, betas=(0.9, 0.99), eps=0.0)
    p.grad = Tensor(np.array([4.0, -0.001]))
    optimizer.step()
    np.testing.assert_allclose(p.data, [1.9, -2.9])  # lr * sign(gradient), whatever its size
    p.grad = Tensor(np.array([-4.0, -0.001]))
    optimizer.step()
    first = (0.9 * 0.1 * 4 - 0.1 * 4) / (1 - 0.9**2)
    np.testing.assert_allclose(p.data, [1.9 - 0.1 * first / 4, -2.8])


@each_option
def test_gradients_may_have_any_memory_layout(name, options, rng):
    ours = twins.parameters(rng, "float32")
    others = [nn.Parameter(np.array(p.data, order="C")) for p in ours]
    optimizers = [getattr(optim, name)(params, **options) for params in (ours, others)]
    for _ in range(3):
        twins.give_gradients(rng, ours)
        for p, q in zip(ours, others, strict=True):
            q.grad = Tensor(np.array(p.grad.data, order="F"))
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours, others, strict=True):
        assert_close(p.data, q.data, 1e-5)


@pytest.mark.parametrize("change", [{"momentum": 0.0}, {"momentum": 0.5}])
@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_momentum_may_be_switched_on_and_off_between_steps(name, change, rng):
    p = nn.Parameter(rng.standard_normal(3))
    optimizer = getattr(optim, name)([p], lr=0.1, momentum=0.9 if change["momentum"] == 0 else 0.0)
    twins.give_gradients(rng, [p])
    optimizer.step()
    optimizer.param_groups[0].update(change)
    optimizer.step()
    other = getattr(optim, name)([p])
    other.load_state_dict(optimizer.state_dict())
    assert set(other.state[0]) == set(optimizer.state[0]) >= {"momentum_buffer"}


@pytest.mark.parametrize("name", twins.GROUP_OPTIONS)
def test_a_network_is_trained(name, rng):
    x = Tensor(rng.standard_normal((64, 3)).astype(np.float32))
    target = Tensor(np.abs(x.data).sum(1, keepdims=True))
    weight, bias = (nn.Parameter(rng.standard_normal(s).astype(np.float32)) for s in ((16, 3), (1, 16)))
    optimizer = getattr(optim, name)([weight, bias], lr={"SGD": 0.05, "Adagrad": 0.2}.get(name, 0.02))
    losses = []
    for _ in range(300):
        loss = nn.functional.mse_loss(nn.functional.linear(nn.functional.relu(x @ weight.T), bias), target)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.05 * losses[0]
