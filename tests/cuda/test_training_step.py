"""A whole training step of the example's network on the device: the same result, and no detour over the host."""

import numpy as np
import pytest

import minipose
from minipose import optim
from minipose.models import Hourglass
from minipose.train import heatmap_loss


def train(device, images, targets, steps):
    minipose.manual_seed(3)
    model = Hourglass(width=4, depth=2, stacks=2).to(np.float64).to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = heatmap_loss(
            model, minipose.tensor(images, device=device), minipose.tensor(targets, device=device)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return model, optimizer, losses


@pytest.fixture
def batch(rng):
    return rng.standard_normal((2, 3, 12, 8)), rng.random((2, 16, 6, 4))


def test_steps_equal_those_on_the_cpu(device_module, batch):
    host, _, expected = train("cpu", *batch, steps=3)
    model, optimizer, losses = train("cuda", *batch, steps=3)
    np.testing.assert_allclose([a.item() for a in losses], [b.item() for b in expected], rtol=1e-9)
    for (name, p), q in zip(model.named_parameters(), host.parameters(), strict=True):
        np.testing.assert_allclose(p.data.get(), q.data, rtol=1e-6, atol=1e-9, err_msg=name)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        assert isinstance(tensor.data, device_module.ndarray), name
        assert tensor.grad is None or isinstance(tensor.grad.data, device_module.ndarray), name
    for state in optimizer.state:
        assert all(isinstance(state[key], device_module.ndarray) for key in ("exp_avg", "exp_avg_sq"))


def test_a_step_neither_waits_for_the_device_nor_goes_over_the_host(fake, batch):
    with fake.no_waiting():
        _, _, (loss, _) = train("cuda", *batch, steps=2)
    uploads_of_two_steps = [what for kind, what in fake.events if kind == "to_device"]
    fake.events.clear()
    with fake.no_waiting():
        train("cuda", *batch, steps=3)
    assert len(fake.events) - len(uploads_of_two_steps) == 2  # the third step's images and targets, nothing else
    fake.events.clear()
    loss.item()
    assert fake.events == [("wait", "item")]


def test_the_stand_in_notices_a_detour(fake):
    x = fake.asarray(np.ones(3))
    with pytest.raises(AssertionError, match="waits for the device"), fake.no_waiting():
        fake.asarray(np.exp(x.get()))
    with pytest.raises(TypeError, match=r"numpy\.exp called on a device array"):
        np.exp(x)
    with pytest.raises(TypeError, match="Unsupported type"):
        x + np.ones(3)
    with pytest.raises(AssertionError, match="duplicate"):
        x[fake.asarray(np.array([0, 0]))] = 1.0
    assert np.isnan(fake.empty(3).get()).all()
