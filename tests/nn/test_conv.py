import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from tests.nn.twins import check_twins, to_torch
from tests.oracle import TOLERANCES, assert_close, each_dtype

CASES = {
    "Conv1d": [
        ((5, 3, 3), {}),
        ((3, 7, (3,)), {"stride": (2,), "padding": 2, "bias": False}),
        ((6, 4, 4, 1, 1, (3,), 2), {}),
        ((4, 4, 1), {"groups": 4, "stride": 2}),
        ((3, 5, 4), {"padding": "same", "dilation": 3}),
        ((3, 5, 4), {"padding": "valid", "stride": 3}),
    ],
    "Conv2d": [
        ((5, 3, 3), {}),
        ((3, 7, (3, 2)), {"stride": (2, 3), "padding": (1, 2), "bias": False}),
        ((6, 4, (2, 3), (1, 2), (2, 1), (3, 2), 2), {}),
        ((4, 4, 1), {"groups": 4, "stride": 2}),
        ((3, 5, (4, 3)), {"padding": "same", "dilation": (3, 2)}),
        ((3, 5, (4, 3)), {"padding": "valid", "stride": (2, 3)}),
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
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "unbatched"])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # torch says that it may copy
def test_matches_torch(name, arguments, options, dtype, batch, rng, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    size = (11,) if name == "Conv1d" else (11, 7)
    check_twins(torch, ours, theirs, (*batch, arguments[0], *size), rng, dtype)


MODES = [
    ("Conv1d", (3, 5, 4), {"padding": 3, "stride": 2}, (11,)),
    ("Conv1d", (3, 5, 4), {"padding": "same", "dilation": 3}, (11,)),
    ("Conv2d", (3, 5, (3, 2)), {"padding": (2, 3), "stride": (2, 1), "bias": False}, (7, 5)),
    ("Conv2d", (4, 6, (4, 3)), {"padding": "same", "dilation": (1, 2), "groups": 2}, (7, 5)),
    ("Conv2d", (3, 5, (3, 2)), {"padding": "valid", "stride": 2}, (7, 5)),
    ("Conv2d", (3, 5, (3, 2)), {}, (7, 5)),
]


@pytest.mark.parametrize(("name", "arguments", "options", "size"), MODES, ids=str)
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "unbatched"])
@each_dtype
def test_padding_mode_matches_torch(name, arguments, options, size, mode, batch, dtype, rng, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options, padding_mode=mode) for part in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    check_twins(torch, ours, theirs, (*batch, arguments[0], *size), rng, dtype)


@each_case
def test_a_state_goes_to_torch_and_back_bit_for_bit(name, arguments, options, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    given = {key: value.clone() for key, value in theirs.state_dict().items()}
    own = {key: np.array(value.data) for key, value in ours.state_dict().items()}
    theirs.load_state_dict(to_torch(torch, ours))
    ours.load_state_dict(given)
    assert list(own) == list(given)
    for key in own:
        np.testing.assert_array_equal(theirs.state_dict()[key].numpy(), own[key], strict=True)
        np.testing.assert_array_equal(ours.state_dict()[key].data, given[key].numpy(), strict=True)
        assert key == "bias" or not np.array_equal(own[key], given[key].numpy())


@each_case
def test_repr_is_that_of_torch(name, arguments, options, torch):
    ours, theirs = (getattr(part, name)(*arguments, **options) for part in (nn, torch.nn))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_first_axis_of_the_weight_is_innermost_in_memory(name):
    weight = getattr(nn, name)(6, 4, (3, 2), groups=2).weight
    assert weight.data.transpose(2, 3, 1, 0).flags.c_contiguous
    assert weight.requires_grad and weight.dtype == np.float32


@pytest.mark.parametrize(("layer", "sums"), [
    (lambda: nn.Conv1d(64, 96, 5, groups=2), 32 * 5),
    (lambda: nn.Conv2d(64, 96, (3, 2), groups=4), 16 * 6),
    (lambda: nn.ConvTranspose2d(64, 96, (4, 6), stride=(2, 3), groups=4), 16 * 4),
], ids=["Conv1d", "Conv2d", "ConvTranspose2d"])  # fmt: skip
def test_weights_start_as_he_et_al_propose(layer, sums):
    """Normal with the variance 2 / (numbers that one output sums), so that ReLU keeps the size of the activations."""
    minipose.manual_seed(0)
    weight = layer().weight.data
    assert abs(weight.mean()) < 0.05 * np.sqrt(2 / sums)
    np.testing.assert_allclose(weight.std(), np.sqrt(2 / sums), rtol=0.03)


def test_bias_is_zero_at_first_or_absent():
    np.testing.assert_array_equal(nn.Conv2d(3, 5, 2).bias.data, np.zeros(5))
    layer = nn.ConvTranspose2d(3, 5, 2, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((0, 4, 3), {}, "in_channels must be a positive integer, not 0"),
    ((3, 2.5, 3), {}, "out_channels must be a positive integer, not 2.5"),
    ((3, 4, 0), {}, "kernel_size must be an integer of at least 1"),
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


@pytest.mark.parametrize(("name", "options", "error", "message"), [
    ("ConvTranspose2d", {"output_padding": -1}, ValueError, "output_padding must be an integer of at least 0"),
    ("ConvTranspose2d", {"padding": "same"}, ValueError, "padding must be an integer of at least 0"),
    ("ConvTranspose2d", {"padding_mode": "reflect"}, ValueError, "padding_mode must be one of 'zeros', not 'reflect'"),
    ("Conv2d", {"padding_mode": "mirror"}, ValueError, "padding_mode must be one of 'zeros', 'reflect', 'replicate', "),
    ("Conv2d", {"padding_mode": None}, ValueError, "padding_mode must be one of"),
    ("Conv2d", {"padding": "full"}, ValueError, "padding must be one of 'same', 'valid', not 'full'"),
    ("Conv2d", {"padding": "same", "stride": (1, 2)}, ValueError, "padding='same' needs a stride of 1, not (1, 2)"),
    ("Conv1d", {"padding": "same", "stride": 2}, ValueError, "padding='same' needs a stride of 1, not (2,)"),
    ("Conv1d", {"stride": (1, 2)}, ValueError, "stride must be an integer of at least 1, not (1, 2)"),
    ("Conv1d", {"kernel_size": 2**30, "out_channels": 2**10}, ValueError, "the weight would have shape "),
    ("Conv1d", {"bias": None}, TypeError, "bias must be True or False, not None"),
])  # fmt: skip
def test_what_one_layer_refuses_is_named(name, options, error, message):
    with pytest.raises(error, match=f"^{name}: {re.escape(message)}"):
        getattr(nn, name)(**{"in_channels": 3, "out_channels": 4, "kernel_size": 3, **options})


@each_dtype
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "unbatched"])
def test_output_size_chooses_among_the_sizes_that_a_stride_leaves_open(dtype, batch, rng, torch):
    arguments, options = (3, 5, (3, 2)), {"stride": (3, 2), "padding": (1, 0), "output_padding": (1, 0)}
    ours, theirs = (part.ConvTranspose2d(*arguments, **options, dilation=2) for part in (nn, torch.nn))
    ours.to(dtype)
    theirs.to(torch.float64).load_state_dict(to_torch(torch, ours))
    x = rng.standard_normal((*batch, 3, 4, 7)).astype(dtype)
    for size in [(12, 15), (13, 16), [14, 15], (*batch, 5, 12, 16)]:
        result, expected = ours(Tensor(x), size), theirs(torch.tensor(x.astype("float64")), output_size=size)
        assert_close(result.data, expected.detach().numpy(), TOLERANCES[dtype])
        assert result.shape[-2:] == tuple(size[-2:])


@pytest.mark.parametrize(("shape", "output_size", "message"), [
    ((2, 3, 4, 7), (15, 15), "output_size=(15, 15) must be from (12, 15) to (14, 16) for an input of shape (2, 3, 4"),
    ((2, 3, 4, 7), (11, 15), "output_size=(11, 15) must be from (12, 15)"),
    ((2, 3, 4, 7), 13, "output_size must be (OH, OW) or a whole shape, not 13"),
    ((2, 3, 4, 7), (13,), "output_size must be (OH, OW)"),
    ((2, 3, 4, 7), (5, 13, 15), "output_size must be (OH, OW)"),
    ((3, 4, 7), (2, 5, 13, 15), "output_size must be (OH, OW)"),
    ((2, 3, 4, 7), (13.0, 15), "output_size must be (OH, OW)"),
    ((7,), (13, 15), "input must be N C H W or C H W, not of shape (7,)"),
])  # fmt: skip
def test_a_wrong_output_size_is_named(shape, output_size, message):
    layer = nn.ConvTranspose2d(3, 5, (3, 2), (3, 2), (1, 0), dilation=2)
    with pytest.raises(ValueError, match=f"^ConvTranspose2d: {re.escape(message)}"):
        layer(minipose.ones(*shape), output_size)
