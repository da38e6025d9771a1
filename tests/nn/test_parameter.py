import numpy as np
import pytest

from minipose import Tensor, nn


def test_parameter_wraps_without_copying(rng):
    array = rng.standard_normal((3, 2))
    for parameter in (nn.Parameter(array), nn.Parameter(Tensor(array) * 1)):
        assert parameter.requires_grad and parameter.is_leaf and isinstance(parameter, Tensor)
    assert nn.Parameter(array).data is array and nn.Parameter(Tensor(array)).data is array
    assert not nn.Parameter(array, requires_grad=False).requires_grad


def test_what_is_computed_from_a_parameter_is_a_tensor(rng):
    parameter = nn.Parameter(rng.standard_normal((3, 2)))
    assert type(parameter * 2) is Tensor and type(parameter.detach()) is Tensor


@pytest.mark.parametrize("data", [[1.0, 2.0], 3.0, None])
def test_only_arrays_and_tensors_are_taken(data):
    with pytest.raises(TypeError, match="must be a NumPy or CuPy array"):
        nn.Parameter(data)


def test_integers_cannot_be_learnt():
    with pytest.raises(TypeError, match="floating-point numbers, not int64"):
        nn.Parameter(np.arange(3))
