import re

import numpy as np
import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype

CASES = {
    "Conv2d": [
        ((5, 3, 3), {}),
        ((3, 7, (3, 2)), {"stride": (2, 3), "padding": (1, 2), "bias": False}),
        ((6, 4, (2, 3), (1, 2), (2, 1), (3, 2), 2), {}),
        ((4, 4, 1), {"groups": 4, "stride": 2}),
    ],
    "ConvTranspose2d": [
        ((5, 3, 4, 2, 1), {"bias": False}),
        ((3, 7, (3, 2)), {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2)}),
        ((6, 4, (2, 3), (3, 2), (0, 1), (2, 1), 2, True, (1, 2)), {}),
        ((4, 8, 2, 2), {"groups": 4}),
    ],
}
each_case = pytest.mark.parametrize(
    ("name", "arguments", "options"), [(name, *case) for name, cases in CASES.items() for case in cases], ids=str
)


@each_case
@each_dtype
def test_matches_torch(name, arguments, options, dtype, rng, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    check_twins(torch, ours, theirs, (2, arguments[0], 11, 7), rng, dtype)


@each_case
def test_repr_is_that_of_torch(name, arguments, options, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", CASES)
def test_first_axis_of_the_weight_is_innermost_in_memory(name):
    weight = getattr(nn, name)(6, 4, (3, 2), groups=2).weight
    assert weight.data.transpose(2, 3, 1, 0).flags.c_contiguous
    assert weight.requires_grad and weight.dtype == np.float32


def test_bias_is_zero_at_first_or_absent():
    np.testing.assert_array_equal(nn.Conv2d(3, 5, 2).bias.data, np.zeros(5))
    layer = nn.ConvTranspose2d(3, 5, 2, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((0, 4, 3), {}, "in_channels must be a positive integer, not 0"),
    ((3, 2.5, 3), {}, "out_channels must be a positive integer, not 2.5"),
    ((3, 4, 0), {}, "kernel_size must be an integer of at least 1, or two of them, not 0"),
    ((3, 4, (3, 3, 3)), {}, "kernel_size must be"),
    ((3, 4, 3), {"stride": 0}, "stride must be an integer of at least 1"),
    ((3, 4, 3), {"padding": -1}, "padding must be an integer of at least 0"),
    ((3, 4, 3), {"dilation": (1, 0)}, "dilation must be an integer of at least 1"),
    ((4, 4, 3), {"groups": False}, "groups must be a positive integer, not False"),
    ((4, 6, 3), {"groups": 4}, "groups=4 must divide in_channels=4 and out_channels=6"),
    ((6, 4, 3), {"groups": 3}, "groups=3 must divide in_channels=6 and out_channels=4"),
])  # fmt: skip
@pytest.mark.parametrize("name", CASES)
def test_wrong_options_are_named(name, arguments, options, message):
    with pytest.raises(ValueError, match=f"^{name}: {re.escape(message)}"):
        getattr(nn, name)(*arguments, **options)


def test_wrong_output_padding_is_named():
    with pytest.raises(ValueError, match="^ConvTranspose2d: output_padding must be an integer of at least 0"):
        nn.ConvTranspose2d(3, 4, 3, output_padding=-1)
