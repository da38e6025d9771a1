import numpy as np
import pytest

import minipose
from minipose import nn, ops
from tests.nn.twins import check_twins
from tests.oracle import each_dtype

LAYERS = pytest.mark.parametrize("name", ["Dropout", "Dropout2d"])


@LAYERS
@each_dtype
def test_matches_torch_where_nothing_is_drawn(name, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(0.0), getattr(torch.nn, name)(0.0)
    assert repr(ours) == repr(theirs) and repr(getattr(nn, name)()) == repr(getattr(torch.nn, name)())
    check_twins(torch, ours, theirs, (2, 3, 5, 7), rng, dtype)


@pytest.mark.parametrize(("layer", "operation"), [(nn.Dropout, ops.dropout), (nn.Dropout2d, ops.dropout2d)])
def test_drops_in_training_only(layer, operation):
    x, dropout = minipose.ones(5, 7, 2, 3), layer(0.3)
    minipose.manual_seed(5)
    result = dropout(x).data
    minipose.manual_seed(5)
    np.testing.assert_array_equal(result, operation(x, 0.3).data)
    assert (result == 0).any()
    assert dropout.eval()(x) is x
    assert dropout.state_dict() == {}


@LAYERS
def test_wrong_options_are_named(name):
    for options, error, text in [
        ({"p": 1.5}, ValueError, "p must be a number from 0 up to 1, not 1.5"),
        ({"p": "half"}, TypeError, "p must be a number, not 'half'"),
        ({"p": None}, TypeError, "p must be a number, not None"),
        ({"inplace": 1}, TypeError, "inplace must be True or False, not 1"),
        ({"inplace": True}, ValueError, "inplace=True is not offered"),
    ]:
        with pytest.raises(error, match=f"^{name}: {text}"):
            getattr(nn, name)(**options)
