import re

import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize(("arguments", "options"), [
    ((2,), {}),
    (((3, 2), (2, 1), (1, 0)), {}),
    ((3, 2), {"ceil_mode": True}),
    ((2, 1, 1, 2), {}),
], ids=str)  # fmt: skip
@each_dtype
def test_matches_torch(arguments, options, dtype, rng, torch):
    ours, theirs = nn.MaxPool2d(*arguments, **options), torch.nn.MaxPool2d(*arguments, **options)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 11, 8), rng, dtype)


@pytest.mark.parametrize(("arguments", "message"), [
    ((0,), "kernel_size must be an integer of at least 1, or two of them, not 0"),
    ((2, 0), "stride must be"),
    ((2, 2, -1), "padding must be"),
    ((2, 2, 0, 0), "dilation must be"),
])  # fmt: skip
def test_wrong_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^MaxPool2d: {re.escape(message)}"):
        nn.MaxPool2d(*arguments)


def test_return_indices_is_refused():
    with pytest.raises(NotImplementedError, match="^MaxPool2d: return_indices=True"):
        nn.MaxPool2d(2, return_indices=True)
