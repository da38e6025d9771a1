"""Every network with every head on the device: outputs, gradients and statistics as on the CPU, and no waiting."""

import numpy as np
import pytest

import minipose
from minipose import Tensor, models
from minipose.train.losses import outputs_of
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


def trained_once(build, inputs, device, rng):
    """Return what a pass in training leaves: all outputs, the gradients from random ones, and the state."""
    minipose.manual_seed(1)
    network = build().to("float64").to(device)
    outputs = outputs_of(network, *(Tensor(value).to(device) for value in inputs))
    outputs = outputs if isinstance(outputs, list) else [outputs]
    upstream = [Tensor(rng.standard_normal(output.shape)).to(device) for output in outputs]
    sum((output * u).sum() for output, u in zip(outputs, upstream, strict=True)).backward()
    gradients = {f"gradient of {name}": p.grad for name, p in network.named_parameters()}
    return {f"output {n}": output for n, output in enumerate(outputs)} | gradients | network.state_dict()


@pytest.mark.parametrize("head", models.HEADS)
@pytest.mark.parametrize("name", models.names())
def test_a_network_is_that_of_the_cpu(name, head, device_module, no_waiting, rng):
    images = [rng.standard_normal((3, 3, 32 if name == "deeppose" else 64, 32))]

    def build():
        return models.create(name, head=head, joints=5, **SMALL[name])

    expected = trained_once(build, images, "cpu", np.random.default_rng(2))
    with no_waiting():
        results = trained_once(build, images, "cuda", np.random.default_rng(2))
    assert len(results) == len(expected)
    for name, result in results.items():
        assert isinstance(result.data, device_module.ndarray), name
        assert_close(result.data.get(), expected[name].data, 1e-7, name)


def test_a_stage_of_the_cascade_is_that_of_the_cpu(device_module, rng):
    crops, joints = rng.standard_normal((7, 3, 16, 16)), np.arange(7) % 5
    results = []
    for device in ("cpu", "cuda"):
        minipose.manual_seed(1)
        stage = models.CascadeStage(width=3, hidden=5, joints=5, size=16).to("float64").to(device)
        output = stage(Tensor(crops).to(device), joints)
        (output * output).sum().backward()
        results.append([output.cpu().data, *(p.grad.cpu().data for p in stage.parameters())])
    for result, expected in zip(*results, strict=True):
        assert_close(result, expected, 1e-7)
