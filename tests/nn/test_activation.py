import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize("name", ["ReLU", "Sigmoid"])
@each_dtype
def test_matches_torch(name, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(), getattr(torch.nn, name)()
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 5, 7), rng, dtype)
