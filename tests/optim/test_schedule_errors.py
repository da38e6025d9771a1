"""What schedules refuse."""

import copy

import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.optim import lr_scheduler as L
from tests.optim.schedule_cases import CASES, ours

PARAMETER = nn.Parameter(np.zeros(2))
NOT_OPTIMIZERS = [None, "SGD", 1, True, [], {}, object(), [PARAMETER]]
NOT_NUMBERS = [None, "0.1", True, {}, object(), minipose.ones(1), 1j, float("nan")]
NOT_INTEGERS = [None, "3", True, 2.5, 3.0, [3], {}, object(), float("nan"), float("inf"), -1]
NOT_FLAGS = [None, "True", 0, 1.0, [], object()]


def constant(step):
    return 1.0


WRONG = [  # the name of the schedule, the call with a value in some place, and the values that it refuses
    ("StepLR", lambda v: L.StepLR(ours(), v), [*NOT_INTEGERS, 0]),
    ("StepLR", lambda v: L.StepLR(ours(), 3, v), [*NOT_NUMBERS, -0.1, [0.1], float("inf")]),
    ("StepLR", lambda v: L.StepLR(ours(), 3, last_epoch=v), [-2, *[v for v in NOT_INTEGERS if v != -1]]),
    ("MultiStepLR", lambda v: L.MultiStepLR(ours(), v), [None, 3, "34", object(), [2.5], [True], [-1], [None], [[3]]]),
    ("MultiStepLR", lambda v: L.MultiStepLR(ours(), [3], v), [*NOT_NUMBERS, -0.1, [0.1]]),
    ("ExponentialLR", lambda v: L.ExponentialLR(ours(), v), [*NOT_NUMBERS, -0.1, [0.1], float("inf"), 10**400]),
    ("LinearLR", lambda v: L.LinearLR(ours(), v), [*NOT_NUMBERS, 0, -0.1, 1.1]),
    ("LinearLR", lambda v: L.LinearLR(ours(), 0.5, v), [*NOT_NUMBERS, -0.1, 1.1]),
    ("LinearLR", lambda v: L.LinearLR(ours(), total_iters=v), [*NOT_INTEGERS, 0]),
    ("CosineAnnealingLR", lambda v: L.CosineAnnealingLR(ours(), v), [*NOT_INTEGERS, 0]),
    ("CosineAnnealingLR", lambda v: L.CosineAnnealingLR(ours(), 3, v), [*NOT_NUMBERS, -0.1]),
    ("LambdaLR", lambda v: L.LambdaLR(ours(), v), [None, 1.0, "f", object(), [], [constant], [constant, None]]),
    ("LambdaLR", lambda v: L.LambdaLR(ours(), lambda step: v), [*NOT_NUMBERS, [0.1], float("inf")]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), v, 9), [*NOT_NUMBERS, -1, [0.1], [0.1, None], [0.1, 0.2, 0.3]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, v), [*NOT_INTEGERS, 0]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, epochs=v, steps_per_epoch=3), [*NOT_INTEGERS, 0]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, epochs=3, steps_per_epoch=v), [*NOT_INTEGERS, 0]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, pct_start=v), [*NOT_NUMBERS, 0, 1, -0.1, 1.1, 1 / 9]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, anneal_strategy=v), [None, "sin", True, 1, ["cos"]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, cycle_momentum=v), NOT_FLAGS),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, three_phase=v), NOT_FLAGS),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, base_momentum=v), [*NOT_NUMBERS, -0.1, 1.1, [0.1]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, max_momentum=v), [*NOT_NUMBERS, -0.1, 1.1, [0.1]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours("Adam", {}), 0.4, 9, max_momentum=v), [1, 1.0, [0.9, 1.0]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, div_factor=v), [*NOT_NUMBERS, 0, -1, float("inf"), [25]]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours(), 0.4, 9, final_div_factor=v), [*NOT_NUMBERS, 0, -1]),
    ("OneCycleLR", lambda v: L.OneCycleLR(ours("Adagrad", {}), 0.4, 9), [None]),
    ("SequentialLR", lambda v: L.SequentialLR(ours(), v, []), [None, [], 1, "StepLR", [None], [object()], {}]),
    ("SequentialLR", lambda v: sequence(v), [None, 3, "3", [], [3, 4], [2.5], [True], [-1], [None], [float("nan")]]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), v), [None, "least", True, 1, ["min"], object()]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), factor=v), [*NOT_NUMBERS, 1.0, 1, 1.5, -0.1]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), patience=v), NOT_INTEGERS),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), threshold=v), [*NOT_NUMBERS, float("inf")]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), threshold_mode=v), [None, "relative", True, object()]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), cooldown=v), NOT_INTEGERS),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), min_lr=v), [*NOT_NUMBERS, -1, [0.1], [0.1, None]]),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(ours(), eps=v), [*NOT_NUMBERS, -1]),
    ("ReduceLROnPlateau.step", lambda v: L.ReduceLROnPlateau(ours()).step(v), [
        None, "0.1", b"1", True, [0.1], {}, object(), 1j, 10**400, minipose.ones(2), np.ones(3),
    ]),
    ("StepLR", lambda v: L.StepLR(v, 3), NOT_OPTIMIZERS),
    ("MultiStepLR", lambda v: L.MultiStepLR(v, [3]), NOT_OPTIMIZERS),
    ("ExponentialLR", lambda v: L.ExponentialLR(v, 0.9), NOT_OPTIMIZERS),
    ("LinearLR", lambda v: L.LinearLR(v), NOT_OPTIMIZERS),
    ("CosineAnnealingLR", lambda v: L.CosineAnnealingLR(v, 3), NOT_OPTIMIZERS),
    ("LambdaLR", lambda v: L.LambdaLR(v, constant), NOT_OPTIMIZERS),
    ("OneCycleLR", lambda v: L.OneCycleLR(v, 0.4, 9), NOT_OPTIMIZERS),
    ("SequentialLR", lambda v: L.SequentialLR(v, [], []), NOT_OPTIMIZERS),
    ("ReduceLROnPlateau", lambda v: L.ReduceLROnPlateau(v), NOT_OPTIMIZERS),
]  # fmt: skip


def sequence(milestones):
    optimizer = ours()
    return L.SequentialLR(optimizer, [L.StepLR(optimizer, 2), L.StepLR(optimizer, 3)], milestones)


@pytest.mark.parametrize(("name", "call", "values"), WRONG)
def test_wrong_arguments_are_named(name, call, values):
    for value in values:
        with pytest.raises((ValueError, TypeError)) as raised:
            call(value)
        assert str(raised.value).startswith(f"{name}: "), f"{value!r}: {raised.value}"


def test_an_optimizer_is_left_as_it_was_where_a_schedule_is_refused():
    optimizer = ours()
    before = copy.deepcopy([{**g, "params": None} for g in optimizer.param_groups])
    for call in (
        lambda: L.StepLR(optimizer, 0),
        lambda: L.LinearLR(optimizer, 0.0),
        lambda: L.OneCycleLR(optimizer, 0.4, 10, pct_start=0.1),
        lambda: L.OneCycleLR(optimizer, 0.4, 10, max_momentum=2.0),
        lambda: L.LambdaLR(optimizer, [constant]),
    ):
        with pytest.raises(ValueError):
            call()
    assert [{**g, "params": None} for g in optimizer.param_groups] == before


def test_a_sequence_takes_schedules_of_its_optimizer_that_need_the_step_alone():
    optimizer, other = ours(), ours()
    inner = L.SequentialLR(optimizer, [L.StepLR(optimizer, 2)], [])
    for schedule in (L.ReduceLROnPlateau(optimizer), inner):
        with pytest.raises(TypeError, match=f"^SequentialLR: a {type(schedule).__name__} cannot be one of several"):
            L.SequentialLR(optimizer, [schedule], [])
    with pytest.raises(ValueError, match="^SequentialLR: a StepLR is a schedule of another optimiser"):
        L.SequentialLR(optimizer, [L.StepLR(other, 2)], [])
    a, b, c = (L.StepLR(optimizer, 2) for _ in range(3))
    with pytest.raises(ValueError, match=r"^SequentialLR: milestones must be 2 increasing integers, not \[5, 3\]"):
        L.SequentialLR(optimizer, [a, b, c], [5, 3])


@pytest.mark.parametrize("case", [case for case in CASES if case != "two at once"])
def test_a_wrong_position_is_refused_and_nothing_is_changed(case):
    schedule = CASES[case](L, ours())
    name, before = type(schedule).__name__, copy.deepcopy(schedule.state_dict())
    for wrong in (None, "state", 1, [], object()):
        with pytest.raises(TypeError, match=f"^{name}.load_state_dict: expected a dict"):
            schedule.load_state_dict(wrong)
    for key in before:
        without = {k: v for k, v in before.items() if k != key}
        with pytest.raises(ValueError, match=f"^{name}.load_state_dict: {key} is missing"):
            schedule.load_state_dict(without)
    for key in set(before) - {"lr_lambdas"}:
        for wrong in (object(), None, "x"):
            with pytest.raises((ValueError, TypeError), match=f"^{name}"):
                schedule.load_state_dict({**before, "last_epoch": 3, key: wrong})
    assert schedule.state_dict() == before


def test_a_sequence_is_left_as_it_was_where_the_state_of_one_part_does_not_fit():
    schedule = CASES["sequence"](L, ours())
    before = copy.deepcopy(schedule.state_dict())
    wrong = copy.deepcopy(before)
    wrong["_schedulers"][0]["last_epoch"] = 2
    wrong["_schedulers"][2]["step_size"] = 0
    with pytest.raises(ValueError, match="^StepLR: step_size"):
        schedule.load_state_dict(wrong)
    assert schedule.state_dict() == before
