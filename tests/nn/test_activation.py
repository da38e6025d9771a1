import numpy as np
import pytest

import minipose
from minipose import Tensor, nn

LAYERS = [
    ("ReLU", {}), ("ReLU6", {}), ("LeakyReLU", {}), ("LeakyReLU", {"negative_slope": 0.3}), ("PReLU", {}),
    ("PReLU", {"num_parameters": 3, "init": 0.1}), ("ELU", {}), ("ELU", {"alpha": 0.7}), ("GELU", {}),
    ("GELU", {"approximate": "tanh"}), ("SiLU", {}), ("Hardswish", {}), ("Hardsigmoid", {}), ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 3.0}), ("Sigmoid", {}), ("Tanh", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), LAYERS, ids=[f"{name}{list(o.values())}" for name, o in LAYERS])
def test_a_layer_is_torchs(name, options, rng, torch):
    values, upstream = 3 * rng.standard_normal((2, 3, 7, 5)), rng.standard_normal((2, 3, 7, 5))
    ours, theirs = getattr(nn, name)(**options).to("float64"), getattr(torch.nn, name)(**options).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x, y = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    result, expected = ours(x), theirs(y)
    result.backward(Tensor(upstream))
    expected.backward(torch.tensor(upstream))
    tolerance = 1e-7 if name == "Hardsigmoid" else 1e-12  # torch keeps its slope, 1/6, in float32
    np.testing.assert_allclose(result.data, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=tolerance, atol=1e-13)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: nn.LeakyReLU("a"), TypeError, "LeakyReLU: negative_slope"),
    (lambda: nn.PReLU(0), ValueError, "PReLU: num_parameters must be at least 1"),
    (lambda: nn.PReLU(2.5), TypeError, "PReLU: num_parameters"),
    (lambda: nn.PReLU(2)(minipose.ones(2, 3)), ValueError, "prelu: weight must be"),
    (lambda: nn.ELU(None), TypeError, "ELU: alpha"),
    (lambda: nn.GELU("exact"), ValueError, "GELU: approximate"),
    (lambda: nn.Softplus(0), ValueError, "Softplus: beta must not be 0"),
    (lambda: nn.Softplus(1, "a"), TypeError, "Softplus: threshold"),
])  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
