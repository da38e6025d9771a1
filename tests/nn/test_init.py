import math
import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.nn import init
from minipose.random import default_generator

SHAPES = [(31, 17, 5, 3), (67, 129), (13, 41, 7)]


def zeros(*shape):
    return minipose.zeros(*shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_fan_is_that_of_torch(shape, mode, torch):
    assert init.calculate_fan(zeros(*shape), mode) == torch.nn.init._calculate_correct_fan(torch.zeros(shape), mode)


@pytest.mark.parametrize(("nonlinearity", "a"), [
    ("linear", 0), ("sigmoid", 0), ("tanh", 0), ("relu", 0), ("leaky_relu", 0), ("leaky_relu", 0.3),
])  # fmt: skip
def test_gain_is_that_of_torch(nonlinearity, a, torch):
    assert init.calculate_gain(nonlinearity, a) == pytest.approx(torch.nn.init.calculate_gain(nonlinearity, a))


@pytest.mark.parametrize("name", ["kaiming_normal_", "kaiming_uniform_"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("options", [
    {}, {"a": 1.5}, {"mode": "fan_out", "nonlinearity": "relu"}, {"nonlinearity": "tanh"},
], ids=str)  # fmt: skip
def test_kaiming_has_the_spread_of_torch(name, shape, options, torch):
    tensor, theirs = zeros(*shape), torch.zeros(shape)
    assert getattr(init, name)(tensor, **options, generator=np.random.default_rng(0)) is tensor
    getattr(torch.nn.init, name)(theirs, **options, generator=torch.Generator().manual_seed(0))
    values = tensor.data
    assert values.std() == pytest.approx(theirs.numpy().std(), rel=0.04)
    assert abs(values.mean()) < 5 * values.std() / math.sqrt(values.size)
    bound = np.abs(values).max() / values.std()
    assert bound < 1.74 if name == "kaiming_uniform_" else bound > 3


def test_normal_and_uniform():
    values = init.normal_(zeros(101, 97), 2.0, 0.5, np.random.default_rng(0)).data
    assert values.mean() == pytest.approx(2, abs=0.02) and values.std() == pytest.approx(0.5, rel=0.02)
    values = init.uniform_(zeros(101, 97), -1.0, 3.0, np.random.default_rng(0)).data
    assert -1 <= values.min() < -0.99 and 2.99 < values.max() < 3 and values.mean() == pytest.approx(1, abs=0.05)


def test_constants():
    tensor = Tensor(np.full((3, 2), 7.0))
    for function, value in ((init.ones_, 1), (init.zeros_, 0), (lambda t: init.constant_(t, 2.5), 2.5)):
        assert function(tensor) is tensor
        np.testing.assert_array_equal(tensor.data, np.full((3, 2), value))


def test_values_do_not_depend_on_the_memory_layout_and_keep_it():
    shape = (5, 3, 7, 2)
    tensors = Tensor(init.empty_weight(shape)), Tensor(np.empty(shape, np.float32))
    strides = [t.data.strides for t in tensors]
    assert strides[0] != strides[1]
    for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_"):
        first, second = (getattr(init, name)(t, generator=np.random.default_rng(1)).data for t in tensors)
        np.testing.assert_array_equal(first, second)
    assert [t.data.strides for t in tensors] == strides


def test_empty_weight_is_row_major_but_for_convolutions():
    assert init.empty_weight((5, 3)).flags.c_contiguous and init.empty_weight((5,)).shape == (5,)
    weight = init.empty_weight((5, 3, 7, 2))
    assert weight.shape == (5, 3, 7, 2) and weight.dtype == np.float32
    assert weight.strides == (4, 4 * 5, 4 * 5 * 3 * 2, 4 * 5 * 3)


def test_numbers_come_from_the_given_generator_or_the_default_one():
    minipose.manual_seed(3)
    drawn = init.normal_(zeros(7)).data
    np.testing.assert_array_equal(drawn, init.normal_(zeros(7), generator=np.random.default_rng(3)).data)
    state = default_generator().bit_generator.state
    init.kaiming_normal_(zeros(3, 2), generator=np.random.default_rng(3))
    assert default_generator().bit_generator.state == state


@pytest.mark.parametrize("build", [
    lambda: nn.Conv2d(3, 5, 2), lambda: nn.ConvTranspose2d(3, 5, 2), lambda: nn.Linear(3, 5),
])  # fmt: skip
def test_layers_are_seeded_by_manual_seed(build):
    minipose.manual_seed(5)
    first, second = build().weight.data, build().weight.data
    minipose.manual_seed(5)
    np.testing.assert_array_equal(build().weight.data, first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("build", "shape"), [
    (lambda: nn.Conv2d(24, 96, 3), (5, 24, 21, 19)),
    (lambda: nn.Conv2d(48, 96, (3, 2), groups=3, dilation=2), (5, 48, 21, 19)),
    (lambda: nn.ConvTranspose2d(24, 96, 4, 2, 1), (5, 24, 21, 19)),
    (lambda: nn.ConvTranspose2d(96, 24, 2, 2), (5, 96, 21, 19)),
    (lambda: nn.ConvTranspose2d(96, 48, 4, (2, 1), groups=3), (5, 96, 21, 19)),
    (lambda: nn.Linear(150, 200), (400, 150)),
])  # fmt: skip
def test_layers_keep_the_variance_behind_a_relu(build, shape, rng):
    minipose.manual_seed(0)
    x = (rng.standard_normal(shape) / math.sqrt(2)).astype(np.float32)  # the mean square that a ReLU leaves of 1
    with minipose.no_grad():
        y = build()(Tensor(x)).data
    inner = y[:, :, 4:-4, 4:-4] if y.ndim == 4 else y  # less arrives at the borders of a transposed convolution
    assert np.mean(inner.astype(np.float64) ** 2) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: init.normal_(zeros(3), std=-1.0), "normal_: std must be a number from 0, not -1.0"),
    (lambda: init.uniform_(zeros(3), 2.0, 1.0), "uniform_: a=2.0 must not be larger than b=1.0"),
    (lambda: init.kaiming_normal_(zeros(3)), "kaiming_normal_: a tensor of shape (3,)"),
    (lambda: init.kaiming_normal_(zeros(3, 2), mode="fan"), "kaiming_normal_: mode must be"),
    (lambda: init.kaiming_uniform_(zeros(3, 2), nonlinearity="gelu"), "kaiming_uniform_: nonlinearity must be one of"),
])  # fmt: skip
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()
