import re

import pytest

from minipose import nn
from tests.nn.twins import check_twins
from tests.oracle import each_dtype


@pytest.mark.parametrize("options", [
    {"scale_factor": 2},
    {"scale_factor": (3, 1.5)},
    {"size": (13, 4)},
    {"size": 9, "mode": "bilinear"},
    {"scale_factor": 2, "mode": "bilinear", "align_corners": True},
    {"scale_factor": (1.7, 2), "mode": "bilinear", "align_corners": False},
], ids=str)  # fmt: skip
@each_dtype
def test_matches_torch(options, dtype, rng, torch):
    ours, theirs = nn.Upsample(**options), torch.nn.Upsample(**options)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (2, 3, 5, 7), rng, dtype)


@pytest.mark.parametrize(("options", "message"), [
    ({}, "give either size or scale_factor"),
    ({"size": 4, "scale_factor": 2}, "give either size or scale_factor"),
    ({"size": 0}, "size must be an integer of at least 1"),
    ({"size": 2.5}, "size must be an integer"),
    ({"scale_factor": 0}, "scale_factor must be positive, not 0"),
    ({"scale_factor": ()}, "scale_factor must be"),
    ({"scale_factor": (2, 2, 2)}, "scale_factor must be"),
    ({"scale_factor": 2, "mode": "cubic"}, "mode must be one of 'nearest', 'bilinear', not 'cubic'"),
    ({"scale_factor": 2, "align_corners": True}, "align_corners has a meaning for mode='bilinear' only"),
], ids=str)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^Upsample: {re.escape(message)}"):
        nn.Upsample(**options)


@pytest.mark.parametrize(("name", "shape"), [("PixelShuffle", (2, 12, 5, 7)), ("PixelUnshuffle", (2, 3, 4, 6))])
@each_dtype
def test_pixels_and_channels_match_torch(name, shape, dtype, rng, torch):
    ours, theirs = getattr(nn, name)(2), getattr(torch.nn, name)(2)
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, shape, rng, dtype)


@pytest.mark.parametrize("factor", [0, 1.5, "a", True])
@pytest.mark.parametrize("name", ["PixelShuffle", "PixelUnshuffle"])
def test_wrong_factors_are_named(name, factor):
    with pytest.raises(ValueError, match=f"^{name}: .*_factor must be a positive integer, not"):
        getattr(nn, name)(factor)
