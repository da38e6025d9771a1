import pytest

from minipose.models import Hourglass, create, names


def test_every_name_makes_a_network():
    assert names() == [
        "deeppose",
        "hourglass",
        "hrnet",
        "inception",
        "mobilenet_v2",
        "resnet",
        "se_resnet",
        "simple_baseline",
        "stacked_hourglass",
        "unet",
    ]
    network = create("hourglass", width=4, depth=2, stacks=2)
    assert type(network) is Hourglass and len(network.heads) == 2


def test_unknown_names_and_options_are_named():
    with pytest.raises(ValueError, match="^create: there is no model 'alexnet'; there are deeppose, hourglass, "):
        create("alexnet")
    with pytest.raises(ValueError, match="^create: hourglass has no option 'widht'; there are width, depth, skip, "):
        create("hourglass", widht=4)
    with pytest.raises(ValueError, match="^Hourglass: depth must be"):
        create("hourglass", depth=0)
