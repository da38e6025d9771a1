"""What only Adam and AdamW have."""

import numpy as np
import pytest

from minipose import nn
from minipose.optim import Adam, AdamW
from tests.optim import twins

PARAMETER = nn.Parameter(np.zeros(2))


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("betas", [
    (0.9, 1.0), (-0.1, 0.9), (0.9, float("nan")), (0.9, 0.99, 0.999), (0.9,), (True, 0.9), (0.9, "0.9"),
    (0.9, None), 0.9, None, "ab", {0.9: 1, 0.99: 2}, object(), [[0.9, 0.9]],
], ids=str)  # fmt: skip
def test_wrong_betas_are_named(kind, betas):
    with pytest.raises(ValueError, match=f"^{kind.__name__}: betas must be two numbers from 0 up to, not including, 1"):
        kind([PARAMETER], betas=betas)


def test_decay_of_adamw_stays_decoupled_where_the_state_of_adam_is_loaded(rng):
    p = nn.Parameter(rng.standard_normal(3))
    first, second = Adam([p], weight_decay=0.1), AdamW([p])
    twins.give_gradients(rng, [p])
    first.step()
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["decoupled_weight_decay"] is True and second.param_groups[0]["weight_decay"] == 0.1


def test_state_saved_before_the_flags_existed_can_be_loaded(rng):
    p = nn.Parameter(rng.standard_normal(3))
    for optimizer in (Adam([p]), AdamW([p], amsgrad=True)):
        saved = optimizer.state_dict()
        for flag in ("amsgrad", "maximize", "decoupled_weight_decay"):
            del saved["param_groups"][0][flag]
        before = dict(optimizer.param_groups[0])
        optimizer.load_state_dict(saved)
        assert optimizer.param_groups[0] == before


def test_with_amsgrad_the_divisor_never_shrinks(rng):
    p = nn.Parameter(np.zeros(3))
    optimizer = Adam([p], betas=(0.9, 0.5), amsgrad=True)
    for size in (100.0, 1.0, 1.0):
        p.grad = (p * 0 + size).detach()
        optimizer.step()
    state = optimizer.state[0]
    np.testing.assert_allclose(state["max_exp_avg_sq"], 0.5 * 100.0**2)
    assert (state["exp_avg_sq"] < 0.3 * 100.0**2).all()
