import re

import numpy as np
import pytest

import minipose
from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype

LAYERS = [
    ("MaxPool2d", (2,), {}),
    ("MaxPool2d", ((3, 2), (2, 1), (1, 0)), {}),
    ("MaxPool2d", (3, 2), {"ceil_mode": True}),
    ("MaxPool2d", (2, 1, 1, 2), {}),
    ("AvgPool2d", (2,), {}),
    ("AvgPool2d", ((3, 2), (2, 1), (1, 0)), {"count_include_pad": False}),
    ("AvgPool2d", (3, 2), {"ceil_mode": True, "divisor_override": 5}),
    ("AdaptiveAvgPool2d", (1,), {}),
    ("AdaptiveAvgPool2d", ((3, None),), {}),
    ("AdaptiveMaxPool2d", ((3, 2),), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), LAYERS, ids=str)
@each_dtype
def test_matches_torch(name, arguments, options, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 11, 8), rng, dtype)


@pytest.mark.parametrize(("name", "argument"), [("MaxPool2d", 3), ("AdaptiveMaxPool2d", (3, 2))])
def test_places_of_the_winners(name, argument, rng, torch):
    x = rng.standard_normal((2, 3, 7, 5))
    values, places = getattr(nn, name)(argument, return_indices=True)(minipose.tensor(x))
    expected = getattr(torch.nn, name)(argument, return_indices=True)(torch.from_numpy(x))
    np.testing.assert_array_equal(values.data, expected[0])
    np.testing.assert_array_equal(places.data, expected[1])


@pytest.mark.parametrize(("name", "arguments", "message"), [
    ("MaxPool2d", (0,), "kernel_size must be an integer of at least 1, or two of them, not 0"),
    ("MaxPool2d", (2, 0), "stride must be"),
    ("MaxPool2d", (2, 2, -1), "padding must be"),
    ("MaxPool2d", (2, 2, 0, 0), "dilation must be"),
    ("AvgPool2d", (0,), "kernel_size must be"),
    ("AvgPool2d", (2, 2, -1), "padding must be"),
    ("AdaptiveAvgPool2d", (0,), "output_size must be a positive integer, or two of them or None, not 0"),
    ("AdaptiveMaxPool2d", ((1, 2, 3),), "output_size must be"),
])  # fmt: skip
def test_wrong_options_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=f"^{name}: {re.escape(message)}"):
        getattr(nn, name)(*arguments)
