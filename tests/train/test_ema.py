import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.train import EMA


@pytest.fixture
def model(rng):
    minipose.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    model(minipose.tensor(rng.standard_normal((4, 2, 7, 5)).astype(np.float32)))
    return model


def state(model):
    return {name: t.data.copy() for name, t in model.state_dict().items()}


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_the_average_is_that_of_the_formula(model, rng, decay):
    expected = {name: array.astype(np.float64) for name, array in state(model).items()}
    ema = EMA(model, decay)
    for step in range(1, 30):
        for parameter in model.parameters():
            parameter.data += rng.standard_normal(parameter.shape).astype(np.float32)
        model(minipose.tensor(rng.standard_normal((4, 2, 7, 5)).astype(np.float32)))  # moves the running statistics
        ema.update(model)
        d = min(decay, (1 + step) / (10 + step))
        for name, array in state(model).items():
            expected[name] = array if array.dtype.kind == "i" else d * expected[name] + (1 - d) * array
    assert ema.arrays["1.num_batches_tracked"] == 30
    for name, average in ema.arrays.items():
        np.testing.assert_allclose(average, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_model_gets_its_own_weights_back_whatever_happens(model):
    ema = EMA(model)
    own = state(model)
    for array in ema.arrays.values():
        array += 1
    with pytest.raises(KeyError), ema.applied(model):
        for name, array in state(model).items():
            np.testing.assert_array_equal(array, own[name] + 1)
        raise KeyError
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, own[name])


def test_wrong_arguments(model):
    for decay in (1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="EMA: decay must be a number"):
            EMA(model, decay)
    ema = EMA(model)
    before = {name: array.copy() for name, array in ema.arrays.items()}
    with pytest.raises(ValueError, match="EMA.load: the saved average is of another network"):
        ema.load({**before, "0.weight": np.ones((1, 2))}, 5)
    assert ema.steps == 0
