import re

import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype

CASES = [
    ("Unfold", (3,), {}, (3, 7, 5)),
    ("Unfold", ((3, 2), (2, 1), (1, 0), (2, 3)), {}, (3, 7, 5)),
    ("Unfold", ((2, 3),), {"stride": 2, "padding": 1, "dilation": (1, 2)}, (3, 7, 5)),
    ("Fold", (7, 3), {}, (18, 25)),
    ("Fold", ((7, 5), (3, 2), (2, 1), (1, 0), (2, 3)), {}, (18, 6)),
    ("Fold", ((7, 5),), {"kernel_size": (2, 3), "stride": 2, "padding": 1, "dilation": (1, 2)}, (18, 8)),
]
each_case = pytest.mark.parametrize(("name", "arguments", "options", "shape"), CASES, ids=str)


@each_case
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "unbatched"])
@each_dtype
def test_matches_torch(name, arguments, options, shape, batch, dtype, rng, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == []
    check_twins(torch, ours, theirs, (*batch, *shape), rng, dtype)


@pytest.mark.parametrize(("name", "arguments", "message"), [
    ("Unfold", (0,), "kernel_size must be an integer of at least 1, or two of them, not 0"),
    ("Unfold", ((3, 3, 3),), "kernel_size must be"),
    ("Unfold", (3, None), "dilation must be an integer of at least 1"),
    ("Unfold", (3, 1, -1), "padding must be an integer of at least 0"),
    ("Unfold", (3, 1, "same"), "padding must be"),
    ("Unfold", (3, 1, 0, 0), "stride must be an integer of at least 1"),
    ("Fold", (0, 3), "output_size must be an integer of at least 1"),
    ("Fold", ("7", 3), "output_size must be"),
    ("Fold", (7, True), "kernel_size must be"),
])  # fmt: skip
def test_wrong_options_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=f"^{name}: {re.escape(message)}"):
        getattr(nn, name)(*arguments)
