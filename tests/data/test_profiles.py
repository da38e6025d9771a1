import pytest

from minipose.data import PROFILES, StickFigures


def test_the_profiles_are_those_of_the_documentation():
    table = {name: (p.image_size, p.map_size, p.train, p.val, p.test) for name, p in PROFILES.items()}
    assert table == {
        "smoke": (48, 24, 512, 128, 64),
        "toy": (64, 32, 8000, 1000, 500),
        "base": (128, 32, 20000, 2000, 1000),
        "report": (224, 56, 20000, 2000, 879),
    }
    with pytest.raises(AttributeError):
        PROFILES["toy"].train = 5


def test_a_data_set_of_a_profile():
    figures = StickFigures.from_profile("report", set="shapes", split="test", seed=3, cue="shade")
    assert (figures.set, figures.split, figures.size, len(figures)) == ("shapes", "test", 224, 879)
    assert (figures.seed, figures.cue) == (3, "shade")
    assert len(StickFigures.from_profile("smoke", count=5)) == 5
    with pytest.raises(ValueError, match="profile must be one of 'smoke', 'toy', 'base', 'report', not 'large'"):
        StickFigures.from_profile("large")
    with pytest.raises(ValueError, match="split must be one of"):
        StickFigures.from_profile("toy", split="testing")
