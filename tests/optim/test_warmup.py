import json

import numpy as np
import pytest

from minipose import nn
from minipose.optim import Adam, CosineWithWarmup


def rates(steps, lr=0.8, **options):
    optimizer = Adam([nn.Parameter(np.zeros(2))], lr=lr)
    schedule = CosineWithWarmup(optimizer, **options)
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    return result


@pytest.mark.parametrize("final", [0.0, 0.25])
def test_cosine_is_that_of_torch(final, torch):
    optimizer = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.8)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=13, eta_min=final * 0.8)
    expected = []
    for _ in range(14):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(rates(14, total_steps=13, final=final), expected, atol=1e-12)


def test_warm_up_rises_evenly_to_the_full_rate_and_the_cosine_follows():
    found = rates(14, total_steps=12, warmup_steps=4, final=0.5)
    np.testing.assert_allclose(found[:5], [0.2, 0.4, 0.6, 0.8, 0.8])
    np.testing.assert_allclose(found[8], (0.8 + 0.4) / 2)  # halfway between full and final
    np.testing.assert_allclose(found[12:], [0.4, 0.4])
    assert found[4:13] == sorted(found[4:13], reverse=True)


def test_groups_keep_their_proportion():
    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    optimizer = Adam([{"params": a}, {"params": b, "lr": 0.1}], lr=1.0)
    schedule = CosineWithWarmup(optimizer, 10, 2)
    for _ in range(7):
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert first == pytest.approx(10 * second) and first > 0 and schedule.get_last_lr() == [first, second]
        schedule.step()


def test_saved_position_goes_on_where_it_was():
    expected = rates(9, total_steps=9, warmup_steps=2)
    optimizer = Adam([nn.Parameter(np.zeros(2))], lr=0.8)
    schedule = CosineWithWarmup(optimizer, 9, 2)
    for _ in range(5):
        schedule.step()
    saved = json.loads(json.dumps([schedule.state_dict(), optimizer.state_dict()]))
    other = Adam([nn.Parameter(np.zeros(2))], lr=123.0)
    schedule = CosineWithWarmup(other, 9, 2)
    other.load_state_dict(saved[1])
    schedule.load_state_dict(saved[0])
    for wanted in expected[5:]:
        assert other.param_groups[0]["lr"] == wanted
        schedule.step()


def test_a_loaded_position_sets_the_rate_at_once():
    schedule = CosineWithWarmup(Adam([nn.Parameter(np.zeros(2))], lr=0.8), 9, 2)
    schedule.step()
    fresh = CosineWithWarmup(Adam([nn.Parameter(np.zeros(2))], lr=0.8), 9, 2)
    fresh.load_state_dict(schedule.state_dict())
    assert fresh.optimizer.param_groups[0]["lr"] == schedule.optimizer.param_groups[0]["lr"] == 0.8


def test_the_length_of_the_schedule_is_not_loaded():
    saved = CosineWithWarmup(Adam([nn.Parameter(np.zeros(2))]), 9).state_dict()
    schedule = CosineWithWarmup(Adam([nn.Parameter(np.zeros(2))]), 90)
    schedule.load_state_dict(saved)
    assert schedule.total_steps == 90


@pytest.mark.parametrize(("change", "message"), [
    ({"base": [1.0]}, "base_lrs must be a list for 2 groups"),
    ({"base": None}, "base_lrs must be a list for 2 groups"),
    ({"base": [1.0, "1"]}, "base_lrs must be a number"),
    ({"last_step": 1.5}, "last_epoch must be an integer"),
    ({"last_step": None}, "last_epoch must be an integer"),
])  # fmt: skip
def test_a_wrong_position_is_refused(change, message):
    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    schedule = CosineWithWarmup(Adam([{"params": a}, {"params": b}]), 5)
    saved = schedule.state_dict()
    with pytest.raises((ValueError, TypeError), match=f"^CosineWithWarmup.load_state_dict: {message}"):
        schedule.load_state_dict({**saved, **change})
    assert schedule.state_dict() == saved
    for nothing in (None, [], "ab", {}, {"base": [1.0, 1.0]}):
        with pytest.raises(TypeError, match="^CosineWithWarmup.load_state_dict: expected a dict"):
            schedule.load_state_dict(nothing)


@pytest.mark.parametrize(("options", "message"), [
    ({"total_steps": 0}, "total_steps must be at least 1, not 0"),
    ({"total_steps": 2.5}, "total_steps must be an integer, not 2.5"),
    ({"total_steps": None}, "total_steps must be an integer"),
    ({"total_steps": 5, "warmup_steps": 6}, "warmup_steps must be at most total_steps"),
    ({"total_steps": 5, "warmup_steps": -1}, "warmup_steps must be at least 0, not -1"),
    ({"total_steps": 5, "warmup_steps": 0.1}, "warmup_steps must be an integer"),
    ({"total_steps": 5, "warmup_steps": True}, "warmup_steps must be an integer"),
    ({"total_steps": 5, "final": -0.1}, "final must be a number from 0 up to 1, not -0.1"),
    ({"total_steps": 5, "final": 1.1}, "final must be a number from 0 up to 1, not 1.1"),
    ({"total_steps": 5, "final": float("nan")}, "final must be a number from 0 up to 1, not nan"),
    ({"total_steps": 5, "final": "0"}, "final must be a number"),
], ids=str)  # fmt: skip
def test_wrong_arguments_are_named(options, message):
    with pytest.raises((ValueError, TypeError), match=f"^CosineWithWarmup: {message}"):
        rates(1, **options)


@pytest.mark.parametrize("optimizer", [None, "adam", [], object()])
def test_something_else_than_an_optimizer_is_refused(optimizer):
    with pytest.raises(TypeError, match="^CosineWithWarmup: optimizer must be an Optimizer"):
        CosineWithWarmup(optimizer, 5)
