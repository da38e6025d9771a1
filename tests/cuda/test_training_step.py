"""A whole training step of the example's network on the device: the same result, and no detour over the host."""

import numpy as np
import pytest

import minipose
from minipose import optim
from minipose.models import Hourglass
from minipose.train.losses import heatmap_loss
from tests.oracle import assert_close


def train(device, images, targets, steps):
    minipose.manual_seed(3)
    model = Hourglass(width=4, depth=2, stacks=2).to(images.dtype).to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        stacks = model.forward_stacks(minipose.tensor(images, device=device))
        loss = heatmap_loss(stacks, minipose.tensor(targets, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return model, optimizer, losses


@pytest.fixture
def batch(rng):
    return rng.standard_normal((2, 3, 12, 8)), rng.random((2, 16, 6, 4))


def test_steps_in_float64_equal_those_on_the_cpu(device_module, batch):
    host, _, expected = train("cpu", *batch, steps=3)
    model, optimizer, losses = train("cuda", *batch, steps=3)
    np.testing.assert_allclose([a.item() for a in losses], [b.item() for b in expected], rtol=1e-9)
    for (name, value), (_, e) in zip(model.state_dict().items(), host.state_dict().items(), strict=True):
        assert isinstance(value.data, device_module.ndarray), name
        np.testing.assert_allclose(value.data.get(), e.data, rtol=1e-6, atol=1e-9, err_msg=name)
    for name, parameter in model.named_parameters():
        assert isinstance(parameter.grad.data, device_module.ndarray), name
    for state in optimizer.state:
        assert all(isinstance(state[key], device_module.ndarray) for key in ("exp_avg", "exp_avg_sq"))


def test_a_step_in_float32_equals_the_one_of_the_compiled_kernels(device_module, batch):
    """Gradients, not parameters: Adam's first step is the sign of a gradient, which may be rounding alone."""
    batch = [a.astype(np.float32) for a in batch]
    host, _, [expected] = train("cpu", *batch, steps=1)
    model, _, [loss] = train("cuda", *batch, steps=1)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    for (name, p), q in zip(model.named_parameters(), host.parameters(), strict=True):
        assert p.grad.dtype == np.float32
        assert_close(p.grad.data.get(), q.grad.data, 1e-4, name)


def test_a_step_neither_waits_for_the_device_nor_goes_over_the_host(fake, batch):
    def uploads(steps):
        fake.events.clear()
        with fake.no_waiting():
            losses = train("cuda", *batch, steps=steps)[2]
        return len(fake.events), losses

    for_two_steps, _ = uploads(2)
    for_three_steps, losses = uploads(3)
    assert for_three_steps - for_two_steps == 2  # the third step's images and targets, nothing else
    fake.events.clear()
    losses[-1].item()
    assert fake.events == [("wait", "item")]


def test_a_step_does_not_wait(device_module, no_waiting, batch):
    with no_waiting():
        train("cuda", *batch, steps=2)
