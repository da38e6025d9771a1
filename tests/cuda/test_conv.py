"""Convolutions, and the blocks of images, of tensors on two devices."""

import pytest

import minipose
from minipose import ops


@pytest.mark.parametrize(("name", "input", "weight"), [
    ("conv1d", (2, 3, 11), (5, 3, 4)),
    ("conv2d", (2, 3, 7, 5), (5, 3, 3, 2)),
    ("conv_transpose2d", (2, 3, 7, 5), (3, 5, 3, 2)),
])  # fmt: skip
def test_weight_and_bias_must_be_with_the_input(name, input, weight, device_module):
    x, w, b = minipose.ones(*input), minipose.ones(*weight), minipose.ones(5)
    for arguments, argument in [((x, w.cuda(), b), "weight"), ((x, w, b.cuda()), "bias")]:
        with pytest.raises(ValueError, match=f"^{name}: {argument} is on 'cuda' but input on 'cpu'"):
            getattr(ops, name)(*arguments)
