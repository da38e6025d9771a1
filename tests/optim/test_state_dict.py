"""Saved states: here, in torch, and from one to the other."""

import json

import numpy as np
import pytest

from minipose import nn, optim
from minipose.optim import Adam
from tests.optim import twins
from tests.oracle import assert_close

each_option = pytest.mark.parametrize(("name", "options"), twins.OPTIONS, ids=str)


def through_json(saved):
    """The state as a checkpoint keeps it: arrays in row order, the rest as JSON."""
    state = {i: {key: np.array(v, order="C") for key, v in values.items()} for i, values in saved["state"].items()}
    return {"state": state, "param_groups": json.loads(json.dumps(saved["param_groups"]))}


def as_tensors(torch, saved):
    state = {i: {key: torch.tensor(v) for key, v in values.items()} for i, values in saved["state"].items()}
    return {"state": state, "param_groups": saved["param_groups"]}


@each_option
def test_saved_state_goes_on_where_it_was(name, options, rng):
    ours = twins.parameters(rng, "float32")
    optimizer = getattr(optim, name)(twins.groups(ours, name), **options)
    for _ in range(3):
        twins.give_gradients(rng, ours, without={1})
        optimizer.step()
    saved = through_json(optimizer.state_dict())
    others = [nn.Parameter(p.data.copy("K")) for p in ours]
    other = getattr(optim, name)(twins.groups(others, name), lr=0.5)
    other.load_state_dict(saved)
    assert [{**g, "params": 0} for g in other.param_groups] == [{**g, "params": 0} for g in optimizer.param_groups]
    for _ in range(2):
        twins.give_gradients(rng, ours)
        for p, q in zip(ours, others, strict=True):
            q.grad = p.grad
        before = [p.data.copy() for p in ours]
        optimizer.step()
        other.step()
        for p, q, old in zip(ours, others, before, strict=True):
            assert not p.numel() or not np.array_equal(p.data, old)
            np.testing.assert_array_equal(p.data, q.data)
    for p, q, mine, yours in zip(ours, others, optimizer.state, other.state, strict=True):
        for key in set(mine) - {"step"}:
            assert yours[key].strides == p.data.strides == q.data.strides and yours[key].dtype == "float32"
            assert not p.numel() or not np.shares_memory(mine[key], yours[key])


@each_option
def test_a_state_of_torch_goes_on_here(name, options, rng, torch):
    ours = twins.parameters(rng)
    theirs = twins.copies(torch, ours)
    optimizer, oracle = twins.optimizers(torch, name, options, ours, theirs)
    for _ in range(5):
        twins.give_gradients(rng, ours, theirs, without={1})
        oracle.step()
    for p, q in zip(ours, theirs, strict=True):
        p.data[...] = q.detach().numpy()
    fresh = getattr(optim, name)(twins.groups(ours, name), lr=123.0)
    fresh.load_state_dict(oracle.state_dict())
    assert set(fresh.param_groups[0]) == set(optimizer.param_groups[0])
    for _ in range(5):
        twins.give_gradients(rng, ours, theirs)
        fresh.step()
        oracle.step()
        for p, q in zip(ours, theirs, strict=True):
            assert_close(p.data, q.detach().numpy(), 1e-12)


@each_option
def test_a_state_from_here_goes_on_in_torch(name, options, rng, torch):
    ours = twins.parameters(rng)
    optimizer = getattr(optim, name)(twins.groups(ours, name), **options)
    for _ in range(5):
        twins.give_gradients(rng, ours, without={1})
        optimizer.step()
    theirs = twins.copies(torch, ours)
    oracle = getattr(torch.optim, name)(twins.groups(theirs, name), lr=123.0)
    saved = through_json(optimizer.state_dict())
    for group in saved["param_groups"]:
        group.update({key: tuple(value) for key, value in group.items() if key == "betas"})
    oracle.load_state_dict(as_tensors(torch, saved))
    for _ in range(5):
        twins.give_gradients(rng, ours, theirs)
        optimizer.step()
        oracle.step()
        for p, q in zip(ours, theirs, strict=True):
            assert_close(p.data, q.detach().numpy(), 1e-12)


@pytest.mark.parametrize("name", twins.GROUP_OPTIONS)
def test_states_from_before_the_first_step_are_exchanged_too(name, rng, torch):
    ours = twins.parameters(rng)
    theirs = twins.copies(torch, ours)
    optimizer, oracle = twins.optimizers(torch, name, {"lr": 0.1}, ours, theirs)
    optimizer.load_state_dict(oracle.state_dict())
    oracle = getattr(torch.optim, name)(twins.groups(theirs, name))
    oracle.load_state_dict(as_tensors(torch, optimizer.state_dict()))
    twins.give_gradients(rng, ours, theirs)
    optimizer.step()
    oracle.step()
    for p, q in zip(ours, theirs, strict=True):
        assert_close(p.data, q.detach().numpy(), 1e-12)


def test_what_a_schedule_of_torch_wrote_into_the_groups_is_kept(torch):
    theirs = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1, momentum=0.9)
    torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.5, total_steps=10)
    optimizer = optim.SGD([nn.Parameter(np.zeros(2))])
    optimizer.load_state_dict(theirs.state_dict())
    group = optimizer.param_groups[0]
    assert {key: group[key] for key in ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")} == {
        key: theirs.param_groups[0][key] for key in ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")
    }


def test_the_saved_numbers_of_the_parameters_may_be_any(rng):
    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(3))
    optimizer = Adam([a, b])
    twins.give_gradients(rng, [a, b])
    optimizer.step()
    saved = optimizer.state_dict()
    renamed = {"state": {"x": saved["state"][0], 7: saved["state"][1]}, "param_groups": saved["param_groups"]}
    renamed["param_groups"][0]["params"] = ["x", 7]
    other = Adam([a, b])
    other.load_state_dict(renamed)
    np.testing.assert_array_equal(other.state[1]["exp_avg"], optimizer.state[1]["exp_avg"])


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s["param_groups"].append({"params": []}), r"the saved groups have \[2, 0\] parameters, not \[2\]"),
    (lambda s: s["param_groups"].clear(), r"the saved groups have \[\] parameters, not \[2\]"),
    (lambda s: s["param_groups"][0]["params"].append(2), r"the saved groups have \[3\] parameters"),
    (lambda s: s["param_groups"][0].update(params=[0, 0]), "the saved params must be numbers of parameters, each once"),
    (lambda s: s["param_groups"][0].update(params=[[0], 1]), "the saved params must be numbers"),
    (lambda s: s["param_groups"][0].update(params=None), "each saved group must be a dict with a list of 'params'"),
    (lambda s: s["param_groups"].append(None), "each saved group must be a dict"),
    (lambda s: s["param_groups"][0].update(momentum=0.9), "a saved group has the options .*momentum"),
    (lambda s: s["param_groups"][0].pop("eps"), "a saved group has the options "),
    (lambda s: s["state"].update({7: s["state"][0]}), "there is state for a parameter 7, which is in no saved group"),
    (lambda s: s["state"].update({0: None}), "the state of parameter 0 must be a dict, not None"),
    (lambda s: s["state"][0].pop("exp_avg"), "for parameter 0 is kept exp_avg_sq, step, not step, exp_avg, exp_avg_sq"),
    (lambda s: s["state"][0].pop("step"), "for parameter 0 is kept exp_avg, exp_avg_sq, not"),
    (lambda s: s["state"][0].update(sum=np.zeros((2, 3))), "for parameter 0 is kept exp_avg, exp_avg_sq, step, sum"),
    (lambda s: s["state"][1].update(exp_avg=np.zeros((3, 2))), r"exp_avg of parameter 1 is \(3, 2\), not \(2,\)"),
    (lambda s: s["state"][1].update(exp_avg_sq=0.5), r"exp_avg_sq of parameter 1 is \(\), not \(2,\)"),
    (lambda s: s["state"][1].update(exp_avg="ab"), "exp_avg of parameter 1 must hold numbers"),
    (lambda s: s["state"][1].update(exp_avg=[[1], [2, 3]]), "exp_avg of parameter 1 is no array"),
    (lambda s: s["state"][1].update(exp_avg=np.zeros(2) * 1j), "exp_avg of parameter 1 must hold numbers"),
    (lambda s: s["state"][1].update(exp_avg=object()), "exp_avg of parameter 1 must hold numbers"),
    (lambda s: s["state"][1].update(step=-1), "step of parameter 1 must be an integer from 0 up, not -1"),
    (lambda s: s["state"][1].update(step=0.5), "step of parameter 1 must be an integer"),
    (lambda s: s["state"][1].update(step=float("nan")), "step of parameter 1 must be an integer"),
    (lambda s: s["state"][1].update(step=float("inf")), "step of parameter 1 must be an integer"),
    (lambda s: s["state"][1].update(step=[1, 2]), r"step of parameter 1 is \(2,\), not \(\)"),
    (lambda s: s["state"][1].update(step="1"), "step of parameter 1 must hold numbers"),
    (lambda s: s.pop("state"), "expected a dict with 'state' and 'param_groups'"),
    (lambda s: s.update(state=None), "'param_groups' must be a list and 'state' a dict"),
    (lambda s: s.update(param_groups=None), "'param_groups' must be a list and 'state' a dict"),
])  # fmt: skip
def test_state_that_does_not_fit_is_refused_and_nothing_is_changed(change, message, rng):
    net = nn.Linear(3, 2)
    optimizer = Adam(net.parameters())
    twins.give_gradients(rng, net.parameters())
    optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"][0]["lr"] = 7.0
    before = optimizer.state
    change(saved)
    with pytest.raises((ValueError, TypeError), match=f"^Adam.load_state_dict: {message}"):
        optimizer.load_state_dict(saved)
    assert optimizer.state is before and optimizer.param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize("saved", [None, "state", 1, [], {}, object()])
def test_something_else_than_a_state_is_refused(saved):
    with pytest.raises(TypeError, match="^Adam.load_state_dict: expected a dict with 'state' and 'param_groups'"):
        Adam([nn.Parameter(np.zeros(2))]).load_state_dict(saved)


@pytest.mark.parametrize("change", [{"betas": [0.9, 1.5]}, {"lr": "0.1"}, {"lr": None}, {"eps": -1}, {"amsgrad": 1}])
def test_saved_options_are_checked_too(change):
    optimizer = Adam([nn.Parameter(np.zeros(2))])
    saved = optimizer.state_dict()
    saved["param_groups"][0].update(change)
    with pytest.raises((ValueError, TypeError), match=f"^Adam: {min(change)}"):
        optimizer.load_state_dict(saved)
