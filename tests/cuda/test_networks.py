"""Every network with every head on the device: outputs, gradients and statistics as on the CPU, and no waiting."""

import numpy as np
import pytest

import minipose
from minipose import Tensor, models
from tests.models.compare import outputs_of
from tests.oracle import assert_close

SMALL = {
    "deeppose": {"width": 4, "hidden": 8, "image_size": 32},
    "hourglass": {"width": 4, "depth": 2, "stacks": 2},
    "hrnet": {"width": 4, "stem_width": 4},
    "inception": {"width": 4},
    "mobilenet_v2": {"width_multiplier": 0.1},
    "resnet": {"width": 4, "depth": 50},
    "se_resnet": {"width": 4},
    "simple_baseline": {"width": 4, "head_width": 8},
    "stacked_hourglass": {"width": 8, "order": 2, "stacks": 2},
    "unet": {"width": 4, "depth": 2},
}


def trained_once(network, call, device):
    """Return what a pass in training leaves: all outputs, the gradients from random ones, and the state."""
    outputs, rng = call(network.to("float64").to(device)), np.random.default_rng(2)
    upstream = [Tensor(rng.standard_normal(output.shape)).to(device) for output in outputs]
    sum((output * u).sum() for output, u in zip(outputs, upstream, strict=True)).backward()
    gradients = {f"gradient of {name}": p.grad for name, p in network.named_parameters()}
    return {f"output {n}": output for n, output in enumerate(outputs)} | gradients | network.state_dict()


def assert_same(results, expected, device_module):
    assert len(results) == len(expected)
    for name, result in results.items():
        assert isinstance(result.data, device_module.ndarray), name
        assert_close(result.data.get(), expected[name].data, 1e-7, name)


@pytest.mark.parametrize("head", models.HEADS)
@pytest.mark.parametrize("name", models.names())
def test_a_network_is_that_of_the_cpu(name, head, device_module, no_waiting, rng):
    images = rng.standard_normal((3, 3, 32 if name == "deeppose" else 64, 32))

    def trained_on(device):
        minipose.manual_seed(1)
        network = models.create(name, head=head, joints=5, **SMALL[name])
        return trained_once(network, lambda network: outputs_of(network, Tensor(images).to(device)), device)

    expected = trained_on("cpu")
    with no_waiting():
        results = trained_on("cuda")
    assert_same(results, expected, device_module)


def test_a_stage_of_the_cascade_is_that_of_the_cpu(device_module, rng):
    crops, joints = rng.standard_normal((7, 3, 16, 16)), np.arange(7) % 5

    def trained_on(device):
        minipose.manual_seed(1)
        stage = models.CascadeStage(width=3, hidden=5, joints=5, size=16)
        return trained_once(stage, lambda stage: [stage(Tensor(crops).to(device), joints)], device)

    assert_same(trained_on("cuda"), trained_on("cpu"), device_module)
