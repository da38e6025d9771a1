import numpy as np
import pytest

import minipose
from minipose import nn
from minipose.nn import summary

NETWORK = [
    ("0", "Conv2d", (2, 6, 6, 4), 6 * 2 * 2 * 3 + 6, 2 * 6 * 6 * 4 * (2 * 2 * 3)),
    ("1", "BatchNorm2d", (2, 6, 6, 4), 12, 0),
    ("2", "ConvTranspose2d", (2, 3, 12, 8), 6 * 3 * 16, (2 * 6 * 6 * 4) * 3 * 16),
    ("3", "ReLU", (2, 3, 12, 8), 0, 0),
    ("4", "Flatten", (2, 288), 0, 0),
    ("5", "Linear", (2, 5), 288 * 5 + 5, 2 * 5 * 288),
]


def network():
    return nn.Sequential(
        nn.Conv2d(4, 6, (2, 3), groups=2),
        nn.BatchNorm2d(6),
        nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(288, 5),
    )


def test_layers_and_totals_are_those_computed_by_hand():
    result = summary(network(), (2, 4, 7, 6))
    rows = [(row.name, row.kind, row.shape, row.parameters, row.multiply_adds) for row in result.layers]
    assert rows == NETWORK
    assert result.parameters == 78 + 12 + 288 + 1445
    assert result.multiply_adds == 3456 + 13824 + 2880


def test_table_shows_every_layer_and_the_total():
    lines = str(summary(network(), (2, 4, 7, 6))).splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "multiply-adds"]
    assert lines[1].split() == ["0", "(Conv2d)", "2", "x", "6", "x", "6", "x", "4", "78", "3,456"]
    assert lines[-1].split() == ["total", "1,823", "20,160"]
    assert len({len(line) for line in lines}) == 1 and len(lines) == len(NETWORK) + 3


def test_model_is_left_as_it_was():
    model = network()
    model[1].eval()
    before = {name: np.array(t.data) for name, t in model.state_dict().items()}
    summary(model, (2, 4, 7, 6))
    assert [m.training for m in model.modules()] == [True, True, False, True, True, True, True]
    assert not any(m._forward_hooks for m in model.modules())
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.data, before[name])


def test_model_is_left_as_it_was_after_an_error():
    model = network()
    with pytest.raises(ValueError, match="conv2d"):
        summary(model, (2, 5, 7, 6))
    assert all(m.training for m in model.modules()) and not any(m._forward_hooks for m in model.modules())


def test_no_graph_is_recorded():
    class Watch(nn.Module):
        def forward(self, input):
            assert not minipose.is_grad_enabled() and not self.training
            return input

    assert summary(nn.Sequential(nn.Linear(3, 2), Watch()), (1, 3)).parameters == 8


def test_shared_layer_is_listed_at_each_use_but_counted_once():
    layer = nn.Linear(3, 3)
    result = summary(nn.Sequential(layer, nn.ReLU(), layer), (1, 3))
    assert [row.kind for row in result.layers] == ["Linear", "ReLU", "Linear"]
    assert result.parameters == 12 and result.multiply_adds == 18


def test_float64_model():
    assert summary(nn.Linear(3, 2).to("float64"), (1, 3)).multiply_adds == 6
