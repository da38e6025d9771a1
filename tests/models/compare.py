"""A whole network in both engines: one state fits both, and maps, gradients and statistics agree."""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType
from typing import Any

import numpy as np

import minipose
from minipose import Tensor
from minipose.nn import Module
from tests.nn.twins import assert_same_parameter_gradients, assert_same_state, to_torch
from tests.oracle import assert_close

TOLERANCES = {"float64": 1e-8, "float32": 1e-4}
MARGIN = 3e-6  # float32 rounds the input of a ReLU by less
DRAWS = 200


def outputs_of(network: Any, images: Any) -> list[Any]:
    """Return all outputs that are trained: those of every stack of a stacked network."""
    return network.forward_stacks(images) if hasattr(network, "forward_stacks") else [network(images)]


def draw_images(theirs: Any, shape: tuple[int, ...], rng: np.random.Generator, torch: ModuleType, dtype: str) -> Any:
    """Return images for which no ReLU's input is so near zero that rounding decides on its side.

    One ReLU that opens in one engine only can change a gradient by a third. In float64 any images will do.
    """
    nearest: list[float] = []

    def look(module: Any, inputs: Any) -> None:
        values = inputs[0].detach()
        edges = [values, values - 6] if isinstance(module, torch.nn.ReLU6) else [values]
        nearest.append(min(edge.abs().min().item() for edge in edges))

    rectifiers = [m for m in theirs.modules() if isinstance(m, (torch.nn.ReLU, torch.nn.ReLU6))]
    hooks = [module.register_forward_pre_hook(look) for module in rectifiers]
    try:
        for _ in range(DRAWS):
            nearest.clear()
            images = rng.standard_normal(shape).astype(dtype)
            outputs_of(theirs, torch.tensor(images.astype("float64")))
            assert len(nearest) >= len(rectifiers) > 0, "a ReLU of the network is never called"
            if dtype == "float64" or min(nearest) > MARGIN:
                return images
    finally:
        for hook in hooks:
            hook.remove()
    raise AssertionError(f"in {DRAWS} draws no images were found; take smaller ones")


def settle(ours: Module, theirs: Any, images: Any, torch: ModuleType) -> None:
    """Give the normalisations of both the statistics of some images, as in a trained network.

    Without them features grow from layer to layer in eval mode, until the softmax of a feature point lets no gradient
    through.
    """
    training, norms = theirs.training, [m for m in theirs.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    outputs_of(theirs.train(), images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    theirs.train(training)
    ours.load_state_dict(theirs.state_dict())


def assert_same_as_torch(
    ours: Module,
    theirs: Any,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    torch: ModuleType,
    dtype: str = "float64",
    training: bool = True,
    zero: Collection[str] = (),
    settled: bool = False,
) -> None:
    """Load the state of our network into its twin, run both forward and backward, and compare all there is.

    Every number of the state is moved a little from where it begins, so that no head at zero hides the rest. The twin
    computes in float64. `zero` names the parameters whose gradient is zero by the mathematics. `settled`
    says that the network is to be compared after `settle`; of feature points in eval mode it always is.
    """
    ours.to(dtype).train(training)
    theirs.double().train(training)
    for tensor in ours.state_dict().values():
        if tensor.dtype.kind == "f":
            tensor.data += (0.1 * rng.random(tensor.shape)).astype(tensor.dtype)
    theirs.load_state_dict(to_torch(torch, ours))
    if settled or not training and any(name.endswith("pooling.maps") for name, _ in theirs.named_modules()):
        settle(ours, theirs, torch.tensor(rng.standard_normal(shape)), torch)
    images = draw_images(theirs, shape, rng, torch, dtype)
    theirs.load_state_dict(to_torch(torch, ours))  # the draws have moved the running statistics
    tolerance = TOLERANCES[dtype]
    minipose.manual_seed(0)
    results, expected = outputs_of(ours, Tensor(images)), outputs_of(theirs, torch.tensor(images.astype("float64")))
    assert len(results) == len(expected)
    upstream = [rng.standard_normal(result.shape).astype(dtype) for result in results]
    for result, wanted in zip(results, expected, strict=True):
        assert result.dtype == dtype
        assert_close(result.data, wanted.detach().numpy(), tolerance, "output")
    sum((r * Tensor(u)).sum() for r, u in zip(results, upstream, strict=True)).backward()
    sum((e * torch.tensor(u.astype("float64"))).sum() for e, u in zip(expected, upstream, strict=True)).backward()
    assert_same_parameter_gradients(ours, theirs, tolerance, zero)
    assert_same_state(ours, theirs, tolerance)
