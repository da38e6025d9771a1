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
        assert first == pytest.approx(10 * second) and first > 0
        schedule.step()


def test_saved_position_goes_on_where_it_was():
    expected = rates(9, total_steps=9, warmup_steps=2)
    optimizer = Adam([nn.Parameter(np.zeros(2))], lr=0.8)
    schedule = CosineWithWarmup(optimizer, 9, 2)
    for _ in range(5):
        schedule.step()
    saved = schedule.state_dict(), optimizer.state_dict()
    other = Adam([nn.Parameter(np.zeros(2))], lr=123.0)
    other.load_state_dict(saved[1])
    schedule = CosineWithWarmup(other, 9, 2)  # takes the rate of step 5 for the full one, until its state is loaded
    schedule.load_state_dict(saved[0])
    for wanted in expected[5:]:
        assert other.param_groups[0]["lr"] == wanted
        schedule.step()


def test_saved_position_of_other_groups_is_refused():
    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    schedule = CosineWithWarmup(Adam([{"params": a}, {"params": b}]), 5)
    with pytest.raises(ValueError, match="^CosineWithWarmup: 1 groups were saved, but the optimiser has 2"):
        schedule.load_state_dict(CosineWithWarmup(Adam([a]), 5).state_dict())


@pytest.mark.parametrize("options", [
    {"total_steps": 0}, {"total_steps": 2.5}, {"total_steps": 5, "warmup_steps": 6},
    {"total_steps": 5, "warmup_steps": -1}, {"total_steps": 5, "warmup_steps": 0.1},
], ids=str)  # fmt: skip
def test_wrong_numbers_of_steps_are_named(options):
    with pytest.raises(ValueError, match=f"^CosineWithWarmup: .*got total_steps={options['total_steps']}"):
        rates(1, **options)


@pytest.mark.parametrize("final", [-0.1, 1.1, float("nan")])
def test_wrong_final_fraction_is_named(final):
    with pytest.raises(ValueError, match=f"^CosineWithWarmup: final must be a fraction from 0 to 1, got {final}"):
        rates(1, total_steps=5, final=final)
