"""What losses do differently on the device: they look at no value there, because that would have to be waited for."""

import numpy as np
import pytest

import minipose
from minipose import ops

PAIRS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
         "binary_cross_entropy_with_logits", "kl_div")  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_target_on_another_device_is_refused(name, fake):
    x = minipose.ones(5, 7)
    with pytest.raises(ValueError, match=f"^{name}: input is on 'cpu' but target on 'cuda'"):
        getattr(ops, name)(x, x.to("cuda"))
    for argument in ("weight", "pos_weight"):
        if argument == "weight" and name not in ("smooth_l1_loss", "kl_div") or "logits" in name:
            with pytest.raises(ValueError, match=f"^{name}: {argument} is on 'cuda' but input on 'cpu'"):
                getattr(ops, name)(x, x, **{argument: x.to("cuda")})


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_classes_on_another_device_are_refused(name, fake):
    x, target = minipose.ones(3, 5), minipose.tensor([1, 4, 0])
    with pytest.raises(ValueError, match=f"^{name}: input is on 'cpu' but target on 'cuda'"):
        getattr(ops, name)(x, target.to("cuda"))
    with pytest.raises(ValueError, match=f"^{name}: weight is on 'cuda' but input on 'cpu'"):
        getattr(ops, name)(x, target, minipose.ones(5, device="cuda"))


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_a_wrong_class_is_nan(name, weighted, device_module, no_waiting):
    x, target = minipose.ones(4, 5, device="cuda"), minipose.tensor([1, 5, -1, -100], device="cuda")
    weight = minipose.ones(5, device="cuda") if weighted else None
    with no_waiting():
        loss = getattr(ops, name)(x, target, weight, reduction="none")
    np.testing.assert_array_equal(np.isnan(loss.cpu().data), [False, True, True, False])
    assert loss.cpu().data[3] == 0


def test_values_beyond_probabilities_are_not_looked_at(device_module, no_waiting):
    x = minipose.ones(5, 7, device="cuda")
    with no_waiting():
        ops.binary_cross_entropy(x, x * 2)
