import argparse
import dataclasses
import json

import pytest

from minipose import models
from minipose.data import SETS
from minipose.train import Config, add_arguments, from_arguments
from minipose.train.config import check_may_resume

OTHERS = {"model": "hourglass", "set": "circles", "poses": "a.npy", "style": "course", "placement": "fit",
          "cue": "shade", "device": "cuda", "ema": 0.5, "clip_norm": 2.5, "patience": 3,
          "checkpoint_every": 7, "images": 9, "head": "scalar", "width": 5,
          "options": {"depth": 4, "skip": False}}  # fmt: skip


def other(field):
    """Another value than the default."""
    if field.name in OTHERS:
        return OTHERS[field.name]
    if isinstance(field.default, bool):
        return not field.default
    return field.default + (0.25 if isinstance(field.default, float) else 5)


def parse(*arguments, base=None):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args(list(arguments)), base)


def test_all_that_was_saved_comes_back(tmp_path):
    config = Config(**{f.name: other(f) for f in dataclasses.fields(Config)})
    assert sum(getattr(config, f.name) == f.default for f in dataclasses.fields(Config)) == 1  # there is one model
    config.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == config
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_every_field_is_an_option_and_has_a_help():
    assert parse() == Config()
    for f in dataclasses.fields(Config):
        name, value = f"--{f.name.replace('_', '-')}", other(f)
        given = [f"--no-{name[2:]}" if value is False else name] if isinstance(value, bool) else [name, str(value)]
        if f.name == "options":
            given = ["--option", "depth=4", "--option", "skip=false"]
        config = dataclasses.replace(Config(), **{f.name: value})
        assert parse(*given) == config, f.name
        assert config.arguments() == ([] if f.name == "model" else given)
        assert f.metadata["help"]


def test_what_is_not_given_is_that_of_the_base():
    base = Config(width=8, augment=True, options={"skip": False})
    assert parse("--seed", "4", base=base) == Config(width=8, augment=True, options={"skip": False}, seed=4)
    assert parse("--no-augment", "--option", "depth=2", base=base) == Config(width=8, options={"depth": 2})


def test_the_architecture_is_all_options_of_the_network():
    options = Config(head="integral", options={"depth": 2, "skip": False}).architecture["options"]
    assert options["depth"] == 2 and options["skip"] is False and options["head"] == "integral"
    assert options.keys() == models.options_of("hourglass").keys()
    assert options["width"] == 32 and Config(width=7).architecture["options"]["width"] == 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--width", "0"), "argument --width: must be an integer from 1, not 0"),
        (("--width", "2.5"), "argument --width: must be an integer from 1, not '2.5'"),
        (("--warmup", "nan"), "argument --warmup: must be a number from 0.0 to 1.0, not nan"),
        (("--clip-norm", "-1"), "argument --clip-norm: must be a number from 1e-06 to 1000000.0, not -1.0"),
        (("--set", "moon"), "argument --set: invalid choice: 'moon'"),
        (("--head", "tail"), "argument --head: invalid choice: 'tail'"),
        (("--option", "skip"), "argument --option: must be NAME=VALUE, as width=16, not 'skip'"),
    ],
)
def test_a_wrong_option_is_one_sentence(given, message, capsys):
    with pytest.raises(SystemExit):
        parse(*given)
    assert message in capsys.readouterr().err


def test_every_wrong_field_is_named(tmp_path):
    wrong = {"width": 0, "widht": 3, "augment": 1, "set": "moon", "ema": 1, "seed": True, "poses": 5, "epochs": None,
             "options": [1]}  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(ValueError) as caught:
        Config.load(path)
    assert str(caught.value) == (
        f"Config.load: {path}: there is no setting 'widht'; width must be an integer from 1, not 0; "
        f"augment must be true or false, not 1; set must be one of {', '.join(SETS)}, not 'moon'; "
        "ema must be a number from 0.0 to 0.999999, not 1; seed must be an integer from 0 to 4294967295, not True; "
        "poses must be a text, not 5; epochs must be an integer from 1, not None; "
        "options must be options by name, not [1]"
    )
    with pytest.raises(ValueError, match="Config: width must be .*; size must be an integer from 1, not 0$"):
        Config(width=-3, size=0)
    with pytest.raises(ValueError, match="^Config: options: hourglass has depth, .*, but not 'widht'$"):
        Config(options={"depth": 2, "widht": 3})
    with pytest.raises(ValueError, match="^Config: options: hourglass has .*, but not 'head'$"):
        Config(options={"head": "scalar"})


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"width": 3', "\xff\xfe"])
def test_something_else_is_no_config(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"Config.load: .*config\.json (is not JSON|must hold an object)"):
        Config.load(tmp_path / "config.json")
    with pytest.raises(FileNotFoundError, match="Config.load: there is no file .*nothing"):
        Config.load(tmp_path / "nothing")


def test_what_would_change_the_result_may_not_change():
    may = {f.name for f in dataclasses.fields(Config) if f.metadata["may_change"]}
    assert may == {"epochs", "patience", "workers", "device", "checkpoint_every", "tensorboard"}
    check_may_resume(Config(), Config(epochs=9, patience=2, workers=1, checkpoint_every=5))
    with pytest.raises(ValueError, match="options that the run began with: width was None, now 8; seed was 0, now 1$"):
        check_may_resume(Config(), Config(width=8, seed=1))


def test_a_dry_run_is_short():
    dry = Config(epochs=50, width=8).dry()
    assert (dry.epochs, dry.steps_per_epoch, dry.width) == (1, 3, 8) and dry.dry() == dry
