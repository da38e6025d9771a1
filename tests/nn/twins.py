"""The same module in both engines: one state fits both, and outputs, gradients and statistics agree."""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType
from typing import Any

import numpy as np

from minipose import Tensor
from minipose.nn import Module
from tests.oracle import NOTHING, TOLERANCES, assert_close


def randomise(module: Module, rng: np.random.Generator) -> None:
    """Give every number of a module's state a value of its own, so that none is at a default that hides a mistake."""
    for name, tensor in module.state_dict().items():
        if tensor.dtype.kind == "f":
            values = rng.standard_normal(tensor.shape)
            tensor.data[...] = np.abs(values) + 0.5 if name.endswith("running_var") else values
        else:
            tensor.data[...] = rng.integers(3, 20, tensor.shape)


def to_torch(torch: ModuleType, module: Module) -> dict[str, Any]:
    return {name: torch.from_numpy(np.array(tensor.data)) for name, tensor in module.state_dict().items()}


def assert_same_state(ours: Module, theirs: Any, tolerance: float) -> None:
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    for name, tensor in state.items():
        assert_close(tensor.data, expected[name].numpy(), tolerance, name)


def assert_same_parameter_gradients(ours: Module, theirs: Any, tolerance: float, zero: Collection[str] = ()) -> None:
    """Compare the gradients of all parameters; those named in `zero` must be about zero on both sides."""
    expected = dict(theirs.named_parameters())
    assert list(expected) == [name for name, _ in ours.named_parameters()]
    for name, parameter in ours.named_parameters():
        wanted = expected[name].grad.numpy()
        if name in zero:
            assert max(np.abs(wanted).max(), np.abs(parameter.grad.data).max()) < tolerance, f"gradient of {name}"
            continue
        assert np.abs(wanted).max() > NOTHING, f"{name}: about zero on both sides, so the check shows nothing"
        assert parameter.grad.shape == parameter.shape and parameter.grad.dtype == parameter.dtype
        assert_close(parameter.grad.data, wanted, tolerance, f"gradient of {name}")


def check_twins(
    torch: ModuleType,
    ours: Module,
    theirs: Any,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    dtype: str,
    looser: float = 1.0,
) -> None:
    """Load one state into both, run both forward and backward, in training and in use, and compare everything.

    PyTorch computes in float64, so that the tolerance is for our rounding only.
    """
    ours.to(dtype)
    theirs.double()
    randomise(ours, rng)
    theirs.load_state_dict(to_torch(torch, ours))
    tolerance = TOLERANCES[dtype] * (looser if dtype == "float64" else 1)
    for training in (True, False):
        ours.train(training).zero_grad()
        theirs.train(training).zero_grad()
        values = rng.standard_normal(shape).astype(dtype)
        x, y = Tensor(values, requires_grad=True), torch.tensor(values.astype("float64"), requires_grad=True)
        result, expected = ours(x), theirs(y)
        assert result.dtype == dtype
        assert_close(result.data, expected.detach().numpy(), tolerance, "result")
        upstream = rng.standard_normal(result.shape).astype(dtype)
        result.backward(Tensor(upstream))
        expected.backward(torch.tensor(upstream.astype("float64")))
        assert_close(x.grad.data, y.grad.numpy(), tolerance, "gradient of the input")
        assert_same_parameter_gradients(ours, theirs, tolerance)
        assert_same_state(ours, theirs, tolerance)
    back = {name: value.clone() for name, value in theirs.state_dict().items()}
    randomise(ours, rng)
    ours.load_state_dict(back)
    assert_same_state(ours, theirs, 1e-7 if dtype == "float32" else 0)
