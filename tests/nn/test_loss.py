import re
import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from tests.oracle import TOLERANCES, assert_close, each_dtype

SHAPE = (7, 5)


def difference(rng):
    return rng.standard_normal(SHAPE), rng.standard_normal(SHAPE)


def probabilities(rng):
    return rng.random(SHAPE), rng.random(SHAPE)


def logarithms(rng):
    return -rng.random(SHAPE), -rng.random(SHAPE)


def logarithms_and_probabilities(rng):
    return -rng.random(SHAPE), rng.random(SHAPE)


def classes(rng):
    return rng.standard_normal(SHAPE), rng.integers(0, 5, 7)


WEIGHT = np.linspace(0.5, 2, 5)
LAYERS = [
    ("MSELoss", difference, {}),
    ("MSELoss", difference, {"reduction": "sum"}),
    ("L1Loss", difference, {"reduction": "none"}),
    ("SmoothL1Loss", difference, {}),
    ("SmoothL1Loss", difference, {"reduction": "sum", "beta": 0.3}),
    ("HuberLoss", difference, {}),
    ("HuberLoss", difference, {"reduction": "sum", "delta": 0.3}),
    ("NLLLoss", classes, {}),
    ("NLLLoss", classes, {"weight": WEIGHT, "ignore_index": 1, "reduction": "none"}),
    ("CrossEntropyLoss", classes, {}),
    ("CrossEntropyLoss", probabilities, {"reduction": "none"}),
    ("CrossEntropyLoss", classes, {"weight": WEIGHT, "ignore_index": 1, "reduction": "sum", "label_smoothing": 0.2}),
    ("BCELoss", probabilities, {}),
    ("BCELoss", probabilities, {"weight": WEIGHT, "reduction": "sum"}),
    ("BCEWithLogitsLoss", difference, {}),
    ("BCEWithLogitsLoss", difference, {"weight": WEIGHT, "reduction": "none", "pos_weight": WEIGHT[::-1].copy()}),
    ("KLDivLoss", logarithms_and_probabilities, {}),
    ("KLDivLoss", logarithms, {"reduction": "batchmean", "log_target": True}),
    ("KLDivLoss", logarithms, {"reduction": "sum", "log_target": True}),
]


@pytest.mark.parametrize(("name", "values", "options"), LAYERS, ids=str)
@each_dtype
def test_matches_torch(name, values, options, dtype, rng, torch):
    x, target = values(rng)
    x = x.astype(dtype)
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    layers = []
    for module, make, kind in ((nn, Tensor, dtype), (torch.nn, torch.tensor, "float64")):
        more = {k: make(v.astype(kind)) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        layers.append(getattr(module, name)(**more))
    ours, theirs = layers
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    a, b = Tensor(x, requires_grad=True), torch.tensor(x.astype("float64"), requires_grad=True)
    wide = torch.tensor(target.astype("float64") if target.dtype.kind == "f" else target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of kl_div's mean
        expected = theirs(b, wide)
    result = ours(a, Tensor(target))
    assert_close(result.data, expected.detach().numpy(), TOLERANCES[dtype])
    upstream = rng.standard_normal(result.shape).astype(dtype)
    result.backward(Tensor(np.asarray(upstream)))
    expected.backward(torch.tensor(upstream.astype("float64")))
    assert_close(a.grad.data, b.grad.numpy(), TOLERANCES[dtype])


def test_weights_are_loaded_from_torch_and_converted_along(torch):
    ours = nn.BCEWithLogitsLoss(minipose.ones(5), pos_weight=minipose.ones(5))
    theirs = torch.nn.BCEWithLogitsLoss(torch.rand(5), pos_weight=torch.rand(5))
    ours.load_state_dict(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].data, value.numpy())
    assert ours.to("float64").pos_weight.dtype == "float64"


@pytest.mark.parametrize(("name", "options", "error", "message"), [
    *((name, {"reduction": "average"}, ValueError, "reduction must be one of") for name in nn.__all__
      if name.endswith("Loss")),
    ("MSELoss", {"reduction": "batchmean"}, ValueError, "reduction must be one of 'mean', 'sum', 'none', not"),
    ("MSELoss", {"reduction": None}, ValueError, "reduction must be one of"),
    ("SmoothL1Loss", {"beta": -1}, ValueError, "beta must be a number from 0, not -1"),
    ("SmoothL1Loss", {"beta": "1"}, TypeError, "beta must be a number, not '1'"),
    ("HuberLoss", {"delta": 0}, ValueError, "delta must be positive, not 0"),
    ("HuberLoss", {"delta": float("nan")}, ValueError, "delta must be a number from 0, not nan"),
    ("NLLLoss", {"weight": [1.0]}, TypeError, "weight must be a Tensor, not list"),
    ("CrossEntropyLoss", {"weight": np.ones(3)}, TypeError, "weight must be a Tensor, not ndarray"),
    ("CrossEntropyLoss", {"ignore_index": None}, TypeError, "ignore_index must be an integer, not None"),
    ("CrossEntropyLoss", {"label_smoothing": 2}, ValueError, "label_smoothing must be a number from 0 up to 1, not 2"),
    ("BCELoss", {"weight": Tensor(np.ones(3, np.int64))}, TypeError, "weight must hold floating-point numbers"),
    ("BCEWithLogitsLoss", {"pos_weight": 3.0}, TypeError, "pos_weight must be a Tensor, not float"),
    ("KLDivLoss", {"log_target": 1}, TypeError, "log_target must be True or False, not 1"),
])  # fmt: skip
def test_wrong_options_are_named(name, options, error, message):
    with pytest.raises(error, match=f"^{name}: {re.escape(message)}"):
        getattr(nn, name)(**options)
