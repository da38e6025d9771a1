import re

import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.models import CascadeStage
from minipose.nn import summary
from tests.models.compare import assert_same_as_torch

JOINTS = np.array([0, 2, 1, 2, 0])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_and_gradients_are_those_of_torch(dtype, training, rng, torch):
    from tests.models.torch_cascade import TorchCascadeStage

    class Ours(nn.Module):
        def __init__(self, stage):
            super().__init__()
            self.stage = stage

        def forward(self, input):
            return self.stage(input, JOINTS)

    class Theirs(torch.nn.Module):
        def __init__(self, stage):
            super().__init__()
            self.stage = stage

        def forward(self, input):
            return self.stage(input, JOINTS)

    options = {"width": 4, "hidden": 6, "joints": 3, "in_channels": 2, "size": 16}
    minipose.manual_seed(0)
    ours, theirs = Ours(CascadeStage(**options)), Theirs(TorchCascadeStage(**options))
    assert_same_as_torch(ours, theirs, (5, 2, 16, 16), rng, torch, dtype, training)


def test_the_default_is_small():
    class WithJoints(CascadeStage):
        def forward(self, input):
            return super().forward(input, np.zeros(len(input), int))

    result = summary(WithJoints(), (1, 3, 32, 32))
    assert (result.parameters, result.multiply_adds) == (253_402, 1_987_200)
    options = CascadeStage(width=np.int64(5), size=16).options
    assert options == {"width": 5, "hidden": 128, "joints": 16, "in_channels": 3, "size": 16}
    assert {type(value) for value in options.values()} == {int}


def test_a_stage_begins_with_next_to_no_displacement(rng):
    crops = minipose.Tensor(rng.standard_normal((32, 3, 32, 32)).astype(np.float32))
    moves = CascadeStage()(crops, np.arange(32) % 16)
    assert moves.shape == (32, 2) and np.abs(moves.data).max() < 0.05


def test_the_joint_matters(rng):
    stage = CascadeStage(width=4).eval()
    stage.linear[-1].weight.data[:] = rng.standard_normal((2, 128))
    crops = minipose.Tensor(np.repeat(rng.standard_normal((1, 3, 32, 32)), 2, axis=0).astype(np.float32))
    one, other = stage(crops, np.array([3, 4])).data
    assert np.abs(one - other).max() > 1e-3
    np.testing.assert_array_equal(*stage(crops, np.array([3, 3])).data)


@pytest.mark.parametrize(("shape", "joints", "message"), [
    ((2, 3, 16, 32), [0, 1], "input must be crops of size=32 x 32, not N=2 C=3 H=16 W=32"),
    ((2, 3, 32, 32), [0], "joints must be an integer for each of 2 crops, got int64 of shape (1,)"),
    ((2, 3, 32, 32), [0.0, 1.0], "joints must be an integer for each of 2 crops, got float64"),
    ((2, 3, 32, 32), [0, 16], "joints must be from 0 to 15, but go from 0 to 16"),
    ((2, 3, 32, 32), [-1, 3], "joints must be from 0 to 15, but go from -1 to 3"),
], ids=str)  # fmt: skip
def test_inputs_that_do_not_fit_are_named(shape, joints, message):
    with pytest.raises(ValueError, match=f"^CascadeStage: {re.escape(message)}"):
        CascadeStage(width=4)(minipose.zeros(*shape), np.array(joints))


def test_the_size_must_be_halved_three_times():
    with pytest.raises(ValueError, match="^CascadeStage: size must be a multiple of 8, not 20$"):
        CascadeStage(size=20)
