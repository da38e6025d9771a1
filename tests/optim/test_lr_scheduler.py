"""Every schedule sets torch's learning rates, step by step."""

import copy
import json
import math
import warnings

import numpy as np
import pytest

import minipose
from minipose import nn, optim
from minipose.optim import lr_scheduler as schedules
from tests.optim.schedule_cases import CASES, KINDS, in_torch, ours

PARAMETER = nn.Parameter(np.zeros(2))


each_case = pytest.mark.parametrize("case", CASES)
each_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=["SGD", "Adam"])


def rates(optimizer):
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups]


def assert_same(optimizer, oracle, what):
    for mine, other in zip(rates(optimizer), rates(oracle), strict=True):
        for a, b in zip(mine, other, strict=True):
            assert a is b is None or np.allclose(a, b, rtol=1e-12, atol=1e-17), f"{what}: {mine}, not {other}"


@pytest.fixture
def quiet():
    """Torch warns where a schedule goes on before its optimiser, and of its own use of `step(0)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@each_kind
@each_case
def test_rates_are_those_of_torch(case, kind, options, torch, quiet):
    optimizer, oracle = ours(kind, options), in_torch(torch, kind, options)
    schedule, expected = CASES[case](schedules, optimizer), CASES[case](torch.optim.lr_scheduler, oracle)
    for step in range(20):
        assert_same(optimizer, oracle, f"step {step}")
        assert schedule.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        optimizer.step()
        oracle.step()
        schedule.step()
        expected.step()
    assert_same(optimizer, oracle, "the end")


@each_case
def test_a_saved_position_goes_on_where_it_was(case):
    optimizer, other = ours(), ours()
    schedule, fresh = CASES[case](schedules, optimizer), CASES[case](schedules, other)
    for _ in range(6):
        schedule.step()
    saved = json.loads(json.dumps([schedule.state_dict(), optimizer.state_dict()]))
    other.load_state_dict(saved[1])
    fresh.load_state_dict(saved[0])
    for step in range(14):
        assert rates(other) == rates(optimizer), f"step {step}"
        assert fresh.get_last_lr() == schedule.get_last_lr()
        schedule.step()
        fresh.step()


@each_case
def test_a_position_of_torch_goes_on_here_and_the_other_way(case, torch, quiet):
    optimizer, oracle = ours(), in_torch(torch)
    schedule, expected = CASES[case](schedules, optimizer), CASES[case](torch.optim.lr_scheduler, oracle)
    for _ in range(6):
        expected.step()
    optimizer.load_state_dict(oracle.state_dict())
    schedule.load_state_dict(expected.state_dict())
    for step in range(5):
        schedule.step()
        expected.step()
        assert_same(optimizer, oracle, f"step {step}")
    for _ in range(3):
        schedule.step()
    oracle.load_state_dict(optimizer.state_dict())
    expected.load_state_dict(copy.deepcopy(schedule.state_dict()))
    for step in range(5):
        schedule.step()
        expected.step()
        assert_same(optimizer, oracle, f"step {step}")


RESUMABLE = {
    "step": lambda L, o, last: L.StepLR(o, 3, 0.5, last),
    "steps": lambda L, o, last: L.MultiStepLR(o, [2, 6, 6], 0.5, last_epoch=last),
    "exponential": lambda L, o, last: L.ExponentialLR(o, 0.9, last),
    "linear": lambda L, o, last: L.LinearLR(o, 0.2, 0.9, 8, last),
    "cosine": lambda L, o, last: L.CosineAnnealingLR(o, 9, 0.01, last),
    "lambda": lambda L, o, last: L.LambdaLR(o, lambda step: 0.9**step, last),
    "one cycle": lambda L, o, last: L.OneCycleLR(o, 0.4, 30, last_epoch=last),
}


@pytest.mark.parametrize("last", [0, 4, 5])
@pytest.mark.parametrize("case", RESUMABLE)
def test_last_epoch_goes_on_as_in_torch(case, last, torch, quiet):
    optimizer, oracle = ours(), in_torch(torch)
    for one, module in ((optimizer, schedules), (oracle, torch.optim.lr_scheduler)):
        before = RESUMABLE[case](module, one, -1)
        for _ in range(last):
            before.step()
    schedule = RESUMABLE[case](schedules, optimizer, last)
    expected = RESUMABLE[case](torch.optim.lr_scheduler, oracle, last)
    for step in range(8):
        assert_same(optimizer, oracle, f"step {step}")
        schedule.step()
        expected.step()


@pytest.mark.parametrize("case", RESUMABLE)
def test_last_epoch_needs_initial_rates(case):
    with pytest.raises(ValueError, match="group 0 .*has no .*initial_lr"):
        RESUMABLE[case](schedules, ours(), 4)


PLATEAUS = {
    "default": {"patience": 1},
    "cooldown": {"patience": 0, "cooldown": 2, "factor": 0.5},
    "largest": {"mode": "max", "patience": 2, "threshold": 0.1},
    "absolute": {"patience": 1, "threshold": 0.3, "threshold_mode": "abs"},
    "largest, absolute": {"mode": "max", "patience": 1, "threshold": 0.3, "threshold_mode": "abs"},
    "least": {"patience": 0, "min_lr": 0.02, "factor": 0.3},
    "least of each": {"patience": 0, "min_lr": [0.05, 0.001], "factor": 0.3},
    "eps": {"patience": 0, "factor": 0.3, "eps": 0.05},
    "threshold 1": {"patience": 1, "threshold": 1.0},
}


@pytest.mark.parametrize("case", PLATEAUS)
def test_rates_on_a_plateau_are_those_of_torch(case, torch, rng):
    optimizer, oracle = ours(), in_torch(torch)
    schedule = schedules.ReduceLROnPlateau(optimizer, **PLATEAUS[case])
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(oracle, **PLATEAUS[case])
    scores = [*np.exp(-np.arange(8) / 3) + 0.2 * rng.random(8), float("nan"), *rng.random(16) + 0.5]
    for step, score in enumerate(scores):
        schedule.step(minipose.tensor(score, dtype="float64") if step % 2 else score)
        expected.step(score)
        assert_same(optimizer, oracle, f"step {step}")
        assert schedule.get_last_lr() == expected.get_last_lr()
        theirs = {key: value for key, value in expected.state_dict().items() if key != "min_lrs"}
        mine = schedule.state_dict()
        assert theirs == {**theirs, **{key: value for key, value in mine.items() if key != "min_lrs"}}
        if step == 12:
            schedule = schedules.ReduceLROnPlateau(optimizer)
            schedule.load_state_dict(json.loads(json.dumps(expected.state_dict() if step % 2 else mine)))
    assert min(g["lr"] for g in optimizer.param_groups) < 0.1


def test_groups_may_be_added_where_their_rates_are_known():
    optimizer = ours()
    stepwise = schedules.StepLR(optimizer, 1, 0.5)
    plateau = schedules.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    listed = schedules.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.1, 0.2])
    by_function = schedules.LambdaLR(optimizer, lambda step: 0.5)
    optimizer.add_param_group({"params": PARAMETER, "lr": 1.0})
    stepwise.step()
    plateau.step(1.0)
    plateau.step(1.0)
    assert optimizer.param_groups[2]["lr"] == 0.25
    with pytest.raises(ValueError, match="^LambdaLR: the optimiser has 3 groups now, but had 2 before"):
        by_function.step()
    listed.step(1.0)
    with pytest.raises(ValueError, match="^ReduceLROnPlateau: the optimiser has 3 groups now, but there are 2 values"):
        listed.step(1.0)


def test_one_cycle_ends():
    schedule = schedules.OneCycleLR(ours(), 0.4, total_steps=5)
    for _ in range(5):
        schedule.step()
    with pytest.raises(ValueError, match="^OneCycleLR: there are 5 steps in all, so there is no step 6"):
        schedule.step()
    schedule = schedules.OneCycleLR(ours(), 0.4, total_steps=2, pct_start=1.0)
    schedule.step()
    with pytest.raises(ValueError, match="^OneCycleLR: there are 2 steps in all"):
        schedule.step()


def test_a_schedule_of_ones_own_writes_get_lr():
    class Halves(optim.LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    schedule = Halves(ours())
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.15]
    with pytest.raises(NotImplementedError, match="^LRScheduler: get_lr is not written"):
        optim.LRScheduler(ours())


def test_all_names_are_exported():
    assert optim.lr_scheduler is schedules
    for name in schedules.__all__:
        assert getattr(optim, name) is getattr(schedules, name) and name in optim.__all__


def test_rates_may_be_numbers_of_numpy():
    optimizer = ours()
    schedules.LambdaLR(optimizer, lambda step: np.float32(0.5))
    schedules.StepLR(optimizer, np.int64(3), np.float32(0.5))
    schedule = schedules.OneCycleLR(optimizer, np.float32(0.5), np.int32(10), div_factor=np.float32(3))
    schedules.MultiStepLR(optimizer, np.array([3, 4]))
    json.dumps([schedule.state_dict(), optimizer.state_dict()])
    assert all(type(g["lr"]) is float and math.isfinite(g["lr"]) for g in optimizer.param_groups)
