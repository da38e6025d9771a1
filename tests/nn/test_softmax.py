import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("dim", [1, -1])
@each_dtype
def test_matches_torch(name, dim, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(dim), getattr(torch.nn, name)(dim)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 5, 7), rng, dtype)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("dim", [None, 1.0, True, "1"])
def test_dim_must_be_an_integer(name, dim):
    with pytest.raises(TypeError, match=f"^{name}: dim must be an integer"):
        getattr(nn, name)(dim)
