import numpy as np
import pytest

from minipose import Tensor, nn
from minipose.optim import Optimizer


class Descent(Optimizer):
    moments = ("sum",)

    def update(self, parameter, state, options):
        state["sum"] += parameter.grad.data
        parameter.data -= options["lr"] * state["sum"]


def test_an_optimizer_writes_its_update_and_names_its_arrays():
    p = nn.Parameter(np.array([1.0, 2.0]))
    optimizer = Descent([p], {"lr": 0.5})
    for _ in range(2):
        p.grad = Tensor(np.array([1.0, -1.0]))
        optimizer.step()
    np.testing.assert_array_equal(p.data, [1 - 0.5 - 1, 2 + 0.5 + 1])
    state = optimizer.state_dict()["state"][0]
    assert state["step"] == 2 and state["sum"].tolist() == [2, -2]


def test_without_an_update_it_says_so():
    p = nn.Parameter(np.ones(2))
    p.grad = Tensor(np.ones(2))
    with pytest.raises(NotImplementedError, match="^Optimizer: update is not written"):
        Optimizer([p], {}).step()
