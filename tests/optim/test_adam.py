import json

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.optim import Adam
from tests.oracle import assert_close

# A bias, a matrix, a convolution's weight of more than 32,768 numbers (the compiled kernel), and a single number.
SHAPES = [(11,), (7, 5), (67, 61, 3, 3), ()]
OPTIONS = [
    {},
    {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3},
    {"lr": 0.02, "weight_decay": 0.3},
    {"lr": 0.1, "betas": (0.3, 0.2), "eps": 0.1},
]


def parameters(rng, dtype):
    arrays = [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]
    arrays[2] = np.array(arrays[2].transpose(2, 3, 1, 0), order="C").transpose(3, 2, 0, 1)  # as convolutions keep it
    return [nn.Parameter(a) for a in arrays]


def give_gradients(params, rng):
    for p in params:
        p.grad = Tensor(np.asarray(rng.standard_normal(p.shape) + 1, p.dtype))  # a drift, so that every number moves


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_trajectory_is_that_of_torch(options, dtype, rng, torch):
    ours = parameters(rng, dtype)
    theirs = [torch.tensor(p.data.astype("float64"), requires_grad=True) for p in ours]
    optimizer, oracle = Adam(ours, **options), torch.optim.Adam(theirs, **options)
    start = [p.data.copy() for p in ours]
    arrays = [p.data for p in ours]
    for _ in range(20):
        give_gradients(ours, rng)
        for p, q in zip(ours, theirs, strict=True):
            q.grad = torch.tensor(p.grad.data.astype("float64"))
        optimizer.step()
        oracle.step()
    for p, q, before, array in zip(ours, theirs, start, arrays, strict=True):
        assert p.data is array and np.abs(array - before).max() > 1e-3
        assert_close(p.data - before, q.detach().numpy() - before, 1e-10 if dtype == "float64" else 1e-4)
    saved, expected = optimizer.state_dict()["state"], oracle.state_dict()["state"]
    for i, p in enumerate(ours):
        assert saved[i]["step"] == expected[i]["step"].item() == 20
        for name in ("exp_avg", "exp_avg_sq"):
            assert saved[i][name].strides == p.data.strides
            assert_close(saved[i][name], expected[i][name].numpy(), 1e-10 if dtype == "float64" else 1e-5, name)


def test_first_two_steps_in_closed_form():
    p = nn.Parameter(np.array([2.0, -3.0]))
    optimizer = Adam([p], lr=0.1, betas=(0.9, 0.99), eps=0)
    p.grad = Tensor(np.array([4.0, -0.001]))
    optimizer.step()
    np.testing.assert_allclose(p.data, [1.9, -2.9])  # lr * sign(gradient), whatever its size
    p.grad = Tensor(np.array([-4.0, -0.001]))
    optimizer.step()
    first = (0.9 * 0.1 * 4 - 0.1 * 4) / (1 - 0.9**2)
    np.testing.assert_allclose(p.data, [1.9 - 0.1 * first / 4, -2.8])


def test_gradients_may_have_any_memory_layout(rng):
    ours = parameters(rng, "float32")
    twins = [nn.Parameter(np.array(p.data, order="C")) for p in ours]
    optimizers = Adam(ours), Adam(twins)
    for _ in range(3):
        give_gradients(ours, rng)
        for p, q in zip(ours, twins, strict=True):
            q.grad = Tensor(np.array(p.grad.data, order="F"))
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours, twins, strict=True):
        assert_close(p.data, q.data, 1e-6)


def test_groups_have_options_of_their_own(rng):
    a, b, c = (nn.Parameter(np.zeros(3)) for _ in range(3))
    optimizer = Adam([{"params": [a]}, {"params": b, "lr": 0.5}, {"params": iter([c]), "betas": (0.5, 0.5)}], lr=0.1)
    give_gradients([a, b, c], rng)
    optimizer.step()
    for p, lr in ((a, 0.1), (b, 0.5), (c, 0.1)):
        np.testing.assert_allclose(np.abs(p.data), lr, rtol=1e-4)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert [group["betas"] for group in optimizer.param_groups] == [(0.9, 0.999), (0.9, 0.999), (0.5, 0.5)]
    assert [group["params"] for group in optimizer.state_dict()["param_groups"]] == [[0], [1], [2]]


def test_parameters_without_gradient_are_left_alone(rng):
    a, b, c = (nn.Parameter(np.ones(3)) for _ in range(3))
    optimizer = Adam([a, b, c], weight_decay=0.1)
    give_gradients([a, c], rng)
    optimizer.step()
    np.testing.assert_array_equal(b.data, np.ones(3))
    assert list(optimizer.state_dict()["state"]) == [0, 2]
    give_gradients([a, b, c], rng)
    optimizer.step()
    assert [state["step"] for state in optimizer.state_dict()["state"].values()] == [2, 1, 2]


def test_zero_grad_forgets_gradients(rng):
    params = parameters(rng, "float32")
    optimizer = Adam(params)
    give_gradients(params, rng)
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)


def test_saved_state_goes_on_where_it_was(rng):
    ours = parameters(rng, "float32")
    optimizer = Adam(ours, lr=0.1, weight_decay=0.01)
    for _ in range(3):
        give_gradients(ours, rng)
        optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"] = json.loads(json.dumps(saved["param_groups"]))  # tuples become lists
    twins = [nn.Parameter(p.data.copy("K")) for p in ours]
    copy = Adam(twins)
    copy.load_state_dict(saved)
    assert copy.param_groups[0]["lr"] == 0.1 and copy.param_groups[0]["betas"] == (0.9, 0.999)
    give_gradients(ours, rng)
    for p, q in zip(ours, twins, strict=True):
        q.grad = p.grad
    before = [p.data.copy() for p in ours]
    for some in (optimizer, copy):
        some.step()
    for p, q, old, state in zip(ours, twins, before, copy.state, strict=True):
        assert not np.array_equal(p.data, old)
        np.testing.assert_array_equal(p.data, q.data)
        assert state["exp_avg"].strides == q.data.strides and state["exp_avg"].dtype == q.dtype
        assert not np.shares_memory(state["exp_avg"], saved["state"][0]["exp_avg"])


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s["param_groups"].append({"params": []}), r"the saved groups have \[2, 0\] parameters, not \[2\]"),
    (lambda s: s["param_groups"][0].update(momentum=0.9), "a saved group has the options .*momentum"),
    (lambda s: s["param_groups"][0].pop("eps"), "a saved group has the options "),
    (lambda s: s["state"].update({7: s["state"][0]}), "there is no parameter 7 that keeps exp_avg, exp_avg_sq, step"),
    (lambda s: s["state"][0].pop("exp_avg"), "there is no parameter 0 that keeps exp_avg_sq, step"),
    (lambda s: s["state"][1].update(exp_avg=np.zeros((3, 2))), r"exp_avg of parameter 1 is \(3, 2\), not \(2,\)"),
    (lambda s: s["state"][1].update(exp_avg_sq=0.5), r"exp_avg_sq of parameter 1 is \(\), not \(2,\)"),
])  # fmt: skip
def test_state_that_does_not_fit_is_refused_and_nothing_is_changed(change, message, rng):
    net = nn.Linear(3, 2)
    optimizer = Adam(net.parameters())
    give_gradients(net.parameters(), rng)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"][0]["lr"] = 7.0
    before = optimizer.state
    change(saved)
    with pytest.raises(ValueError, match=f"^Adam.load_state_dict: {message}"):
        optimizer.load_state_dict(saved)
    assert optimizer.state is before and optimizer.param_groups[0]["lr"] == 1e-3


def test_saved_options_are_checked_too():
    optimizer = Adam([nn.Parameter(np.zeros(2))])
    saved = optimizer.state_dict()
    saved["param_groups"][0]["betas"] = [0.9, 1.5]
    with pytest.raises(ValueError, match="^Adam: betas"):
        optimizer.load_state_dict(saved)


PARAMETER = nn.Parameter(np.zeros(2))


@pytest.mark.parametrize(("parameters", "options", "error", "message"), [
    ([], {}, ValueError, "there are no parameters; was a generator used up"),
    (PARAMETER, {}, TypeError, "params must be a list of Tensors or of dicts, not a Parameter"),
    ({"params": [PARAMETER]}, {}, TypeError, "params must be a list of Tensors or of dicts, not a dict"),
    ([PARAMETER, PARAMETER], {}, ValueError, r"a parameter of shape \(2,\) is listed twice"),
    ([PARAMETER * 2], {}, TypeError, "parameters must be leaf Tensors that require gradients, not tensor"),
    ([minipose.zeros(2)], {}, TypeError, "parameters must be leaf Tensors"),
    ([nn.ReLU()], {}, TypeError, "parameters must be leaf Tensors"),
    ([{"params": PARAMETER, "momentum": 0.9}], {}, ValueError, "unknown option 'momentum'; there are lr, betas, eps"),
    ([{"lr": 0.1}], {}, ValueError, "a group has no 'params'"),
    ([{"params": PARAMETER, "lr": -1}], {}, ValueError, "lr must be a number from 0 up, got -1"),
    ([PARAMETER], {"lr": float("nan")}, ValueError, "lr must be a number from 0 up, got nan"),
    ([PARAMETER], {"eps": -1e-8}, ValueError, "eps must be"),
    ([PARAMETER], {"weight_decay": float("inf")}, ValueError, "weight_decay must be"),
    ([PARAMETER], {"betas": (0.9, 1.0)}, ValueError, r"betas must be two numbers .* got \(0.9, 1.0\)"),
    ([PARAMETER], {"betas": (-0.1, 0.9)}, ValueError, "betas must be"),
    ([PARAMETER], {"betas": 0.9}, ValueError, "betas must be"),
])  # fmt: skip
def test_wrong_arguments_are_named(parameters, options, error, message):
    with pytest.raises(error, match=f"^Adam: {message}"):
        Adam(parameters, **options)


def test_a_network_is_trained(rng):
    minipose.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = Adam(net.parameters(), lr=0.02)
    x = Tensor(rng.standard_normal((64, 3)).astype(np.float32))
    target = Tensor(np.abs(x.data).sum(1, keepdims=True))
    losses = []
    for _ in range(200):
        loss = nn.functional.mse_loss(net(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]
