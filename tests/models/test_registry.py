import pytest

from minipose import models
from minipose.models import create, names, read_option

CLASSES = {
    "deeppose": "DeepPose",
    "hourglass": "Hourglass",
    "hrnet": "HRNet",
    "inception": "Inception",
    "mobilenet_v2": "MobileNetV2",
    "resnet": "ResNet",
    "se_resnet": "SEResNet",
    "simple_baseline": "SimpleBaseline",
    "stacked_hourglass": "StackedHourglass",
    "unet": "UNet",
}


def test_every_name_makes_its_network():
    assert names() == list(CLASSES)
    for name, kind in CLASSES.items():
        assert type(create(name)) is getattr(models, kind), name
    assert len(create("hourglass", width=4, depth=2, stacks=2).heads) == 2


def test_unknown_names_and_options_are_named():
    with pytest.raises(ValueError, match="^create: there is no model 'alexnet'; there are deeppose, hourglass, "):
        create("alexnet")
    with pytest.raises(ValueError, match="^create: hourglass has no option 'widht'; there are width, depth, skip, "):
        create("hourglass", widht=4)
    with pytest.raises(ValueError, match="^Hourglass: depth must be"):
        create("hourglass", depth=0)


@pytest.mark.parametrize(("text", "value"), [
    ("16", 16), ("0.5", 0.5), (".5", 0.5), ("true", True), ("True", True), ("False", False), ("null", None),
    ("None", None), ("[1, 1]", [1, 1]), ("(1,1,1,1)", [1, 1, 1, 1]), ("1,2", [1, 2]), ("((1,),None)", [[1], None]),
    ("bilinear", "bilinear"), ("a=b", "a=b"), ("'a'", "'a'"), ("1j", "1j"), ("{1}", "{1}"), ("(1,{2})", "(1,{2})"),
    ("{[]}", "{[]}"), ("(1", "(1"), ("resnet(18)", "resnet(18)"),
])  # fmt: skip
def test_an_option_is_read_as_json_or_python_or_as_a_word(text, value):
    name, read = read_option(f"name={text}")
    assert name == "name" and read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["width", "width=", "=16", ""])
def test_an_option_has_a_name_and_a_value(text):
    with pytest.raises(ValueError, match="^--option must be NAME=VALUE, as width=16, not "):
        read_option(text)


def test_a_tuple_of_the_command_line_is_an_option():
    assert len(create("resnet", **dict([read_option("blocks=(1,2,1,1)")])).backbone.layer2) == 2
