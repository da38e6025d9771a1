import numpy as np
import pytest

from minipose import Tensor, nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 5), (5,)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@each_dtype
def test_linear_matches_torch(shape, bias, dtype, rng, torch):
    ours, theirs = nn.Linear(5, 3, bias), torch.nn.Linear(5, 3, bias)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, shape, rng, dtype)


def test_linear_bias_is_zero_at_first_or_absent():
    np.testing.assert_array_equal(nn.Linear(3, 5).bias.data, np.zeros(5))
    assert list(nn.Linear(3, 5, bias=False).state_dict()) == ["weight"]


@pytest.mark.parametrize(("arguments", "message"), [
    ((0, 3), "in_features must be a positive integer, not 0"),
    ((3, 1.0), "out_features must be a positive integer, not 1.0"),
])  # fmt: skip
def test_wrong_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^Linear: {message}"):
        nn.Linear(*arguments)


def test_identity_returns_its_input():
    x = Tensor(np.ones(3))
    assert nn.Identity()(x) is x and repr(nn.Identity()) == "Identity()"


@pytest.mark.parametrize("arguments", [(), (0,), (1, 2), (-3, -2), (2,)], ids=str)
@each_dtype
def test_flatten_matches_torch(arguments, dtype, rng, torch):
    ours, theirs = nn.Flatten(*arguments), torch.nn.Flatten(*arguments)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 5, 7), rng, dtype)
