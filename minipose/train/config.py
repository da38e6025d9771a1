"""All that makes a training run, in one object: it is saved with the run, and the command line is made from it."""

from __future__ import annotations

import argparse
import json
import math
import numbers
import os
from collections.abc import Callable
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from minipose import models
from minipose.checks import is_integer
from minipose.data import CUES, PLACEMENTS, SETS, STYLES
from minipose.files import write_durably

KINDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false", dict: "options by name"}
OF_CONFIG = ("head", "width", "joints", "in_channels", "image_size")  # options of networks that other settings decide


def _option(
    default: Any,
    help: str,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] | None = None,
    kind: type | None = None,
    may_change: bool = False,
) -> Any:
    """Return a field of `Config`; one whose default is None needs its `kind`, and `may_change` when resumed."""
    about = {"help": help, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata={**about, "kind": kind or type(default), "may_change": may_change})


@dataclass(frozen=True)
class Config:
    """The settings of a training run."""

    model: str = _option("hourglass", "the network", choices=tuple(models.names()))
    head: str = _option("heatmap", "what it answers: a map of each joint, read at its peak; the same, read as the mean "
                        "of a distribution; or numbers", choices=models.HEADS)  # fmt: skip
    width: int | None = _option(None, "channels of the network's first layers, to which all others are in proportion; "
                                "without it, the network's own", 1, kind=int)  # fmt: skip
    options: dict[str, Any] | None = _option(None, "another option of the network, as skip=false; may be given several "
                                             "times", kind=dict)  # fmt: skip
    set: str = _option("mixed", "what is behind the figures; mixed: one of the first four", choices=tuple(SETS))
    poses: str | None = _option(None, "file of poses (.npy) to draw instead of random ones; each tenth "
                                "different one is for validation", kind=str)  # fmt: skip
    style: str = _option("minipose", "whose drawing rules the figures follow", choices=STYLES)
    placement: str = _option("free", "how the figures fill the image", choices=PLACEMENTS)
    cue: str = _option("front", "what tells right from left", choices=CUES)
    back_p: float = _option(0.0, "chance that a figure faces away", 0.0, 1.0)
    size: int = _option(64, "side of the square images in pixels", 1)
    epochs: int = _option(7, "rounds of training, after each of which the validation images are scored; a run that is "
                          "resumed for more is not what it had been with as many from the start, as its learning rates "
                          "were those of the shorter one", 1, may_change=True)  # fmt: skip
    epoch_size: int = _option(6400, "training images in a round, rounded down to whole batches", 1)
    images: int | None = _option(None, "training images in all, seen again and again; without it, each is new", 1,
                                 kind=int)  # fmt: skip
    validation: int = _option(512, "images for validation", 1)
    batch_size: int = _option(32, "images in one step of the optimiser", 1)
    learning_rate: float = _option(8e-3, "the highest, after warming up; a cosine leads from it to 0", 1e-9, 100.0)
    warmup: float = _option(0.08, "fraction of all steps in which the learning rate rises", 0.0, 1.0)
    weight_decay: float = _option(0.0, "decoupled, as AdamW's; with 0 the optimiser is Adam", 0.0, 10.0)
    clip_norm: float | None = _option(None, "largest norm of all gradients together", 1e-6, 1e6, kind=float)
    ema: float | None = _option(None, "decay of an average of the weights, such as 0.999, which is scored and kept "
                                "as the best instead of the weights themselves", 0.0, 0.999999, kind=float)  # fmt: skip
    patience: int | None = _option(None, "stop after so many epochs without a better validation score", 1, kind=int,
                                   may_change=True)  # fmt: skip
    sigma: float = _option(1.5, "width of the target Gaussians, in heatmap pixels", 0.5, 1000.0)
    augment: bool = _option(False, "flip (not with cue shade or color), turn, scale and recolour the images at random")
    workers: int = _option(0, "processes that prepare batches; 0: none but this one", 0, 256, may_change=True)
    seed: int = _option(0, "of weights and training images; test images never change", 0, 2**32 - 1)
    device: str = _option("cpu", "cuda needs an NVIDIA GPU and CuPy", choices=("cpu", "cuda"), may_change=True)
    checkpoint_every: int | None = _option(None, "steps after which last.safetensors is written, besides the end of "
                                           "every epoch", 1, kind=int, may_change=True)  # fmt: skip
    tensorboard: bool = _option(False, "log for TensorBoard too: pip install 'minipose[tensorboard]'", may_change=True)

    def __post_init__(self) -> None:
        problems = [problem for f in fields(self) if (problem := _problem(f, getattr(self, f.name)))]
        problem = "; ".join(problems) or self._unknown_option()
        if problem:
            raise ValueError(f"Config: {problem}")

    @property
    def architecture(self) -> dict[str, Any]:
        """The network's name and all its options, as checkpoints keep them: a default may be another one day."""
        known = models.options_of(self.model)
        own = {"head": self.head, "width": self.width, "image_size": self.size}
        chosen = {name: value for name, value in own.items() if name in known and value is not None}
        return {"name": self.model, "options": known | chosen | (self.options or {})}

    @property
    def drawing(self) -> dict[str, Any]:
        """How the figures are drawn, as arguments of `StickFigures`."""
        return {name: getattr(self, name) for name in ("placement", "cue", "back_p", "style")}

    @property
    def steps_per_epoch(self) -> int:
        """Steps of the optimiser in an epoch: whole batches only."""
        return self.epoch_size // self.batch_size

    def dry(self) -> Config:
        """Return these settings for a few steps on a few images, to see that everything works."""
        return replace(self, epochs=1, epoch_size=24, batch_size=min(self.batch_size, 8), validation=16)

    def with_absolute_paths(self) -> Config:
        """Return these settings as a run keeps them: its poses are found from any folder."""
        return self if self.poses is None else replace(self, poses=os.path.abspath(self.poses))

    def _unknown_option(self) -> str:
        known = models.options_of(self.model)
        own = [name for name in known if name not in OF_CONFIG]
        if self.width is not None and "width" not in known:
            return f"width: {self.model} has none, but {', '.join(own)}"
        wrong = [name for name in self.options or {} if name not in own]
        return f"options: {self.model} has {', '.join(own)}, but not {wrong[0]!r}" if wrong else ""

    def arguments(self) -> list[str]:
        """Return the words of a command line that gives these settings."""
        words: list[str] = []
        for f in fields(self):
            flag, value = f"--{f.name.replace('_', '-')}", getattr(self, f.name)
            if value == f.default:
                continue
            if isinstance(value, dict):
                words += [word for item in value.items() for word in ("--option", _option_text(*item))]
            elif isinstance(value, bool):
                words.append(flag if value else f"--no-{flag[2:]}")
            else:
                words += [flag, str(value)]
        return words

    def save(self, path: str | os.PathLike) -> None:
        """Write the settings as JSON; a crash leaves the old file whole."""
        write_durably(path, (json.dumps(asdict(self), indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Config:
        """Read what `save` wrote; what the file does not name has its default.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not JSON, or a field is unknown or wrong; all such fields are named.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"Config.load: there is no file {path}")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"Config.load: {path} is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ValueError(f"Config.load: {path} must hold an object of settings, not a {type(values).__name__}")
        known = {f.name: f for f in fields(cls)}
        problems = [f"there is no setting {name!r}" for name in values if name not in known]
        problems += filter(None, (_problem(known[name], value) for name, value in values.items() if name in known))
        if problems:
            raise ValueError(f"Config.load: {path}: {'; '.join(problems)}")
        return cls(**values)


def _help(f: Field) -> str:
    default = "none" if f.default is None else f.default
    if isinstance(default, bool):
        default = "yes" if default else "no"
    return f"{f.metadata['help']} (default {default})"


# Sphinx and help() say of every field what --help says.
Config.__doc__ = "\n".join([
    Config.__doc__, "", "Parameters", "----------", *(f"{f.name} : {f.type}\n    {_help(f)}" for f in fields(Config)),
    "", "Raises", "------", "ValueError", "    If a field is of the wrong kind or out of range; all such are named.",
])  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of `Config`, such as --batch-size for `batch_size`.

    Only those that were given appear in what the parser returns; `from_arguments` fills in the others.
    """
    for f in fields(Config):
        about = f.metadata
        options: dict[str, Any] = {"dest": f.name, "default": argparse.SUPPRESS, "help": _help(f).replace("%", "%%")}
        flag = f"--{f.name.replace('_', '-')}"
        if about["kind"] is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif about["kind"] is dict:
            flag = "--option"
            options.update(action="append", type=_read_option, metavar="NAME=VALUE")
        elif about["choices"]:
            options["choices"] = about["choices"]
        else:
            options.update(type=_converter(f), metavar={int: "N", float: "X"}.get(about["kind"], f.name.upper()))
        parser.add_argument(flag, **options)


def from_arguments(namespace: argparse.Namespace, base: Config | None = None) -> Config:
    """Return the settings that were given on the command line; the others are those of `base`, or the defaults."""
    given = {f.name: getattr(namespace, f.name) for f in fields(Config) if hasattr(namespace, f.name)}
    if "options" in given:
        given["options"] = dict(given["options"])
    return replace(base or Config(), **given)


def check_may_resume(saved: Config, config: Config) -> None:
    """Raise ValueError where `config` differs from that of the saved run in what would change its result."""
    # As JSON has them: a tuple is a list.
    was, now = (json.loads(json.dumps(asdict(one.with_absolute_paths()))) for one in (saved, config))
    fixed = [f.name for f in fields(Config) if not f.metadata["may_change"]]
    differing = [f"{name} was {was[name]}, now {now[name]}" for name in fixed if was[name] != now[name]]
    if differing:
        raise ValueError(f"--resume needs the options that the run began with: {'; '.join(differing)}")


def _read_option(text: str) -> tuple[str, Any]:
    try:
        return models.read_option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--option ")) from None


def _option_text(name: str, value: Any) -> str:
    return f"{name}={value if isinstance(value, str) else json.dumps(value)}"


def _converter(f: Field) -> Any:
    kind = f.metadata["kind"]

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = text
        problem = _problem(f, value)
        if problem:
            raise argparse.ArgumentTypeError(problem.removeprefix(f"{f.name} "))
        return value

    return convert


def positive(kind: type) -> Callable[[str], Any]:
    """Return a converter of texts to positive numbers, int or float, for the options of scripts."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be {KINDS[kind]} above 0, not {text!r}")
        return value

    return convert


def _problem(f: Field, value: Any) -> str:
    """Return what is wrong with a field's value as half a sentence, or ""."""
    kind, least, most, choices = (f.metadata[key] for key in ("kind", "least", "most", "choices"))
    if value is None and f.default is None:
        return ""
    if choices:
        fits = isinstance(value, str) and value in choices
        return "" if fits else f"{f.name} must be one of {', '.join(choices)}, not {value!r}"
    is_kind = {
        int: is_integer,
        float: lambda v: isinstance(v, numbers.Real) and not isinstance(v, bool) and math.isfinite(v),
        str: lambda v: isinstance(v, str),
        bool: lambda v: isinstance(v, bool),
        dict: lambda v: isinstance(v, dict) and all(isinstance(name, str) for name in v),
    }[kind]
    in_range = is_kind(value) and (least is None or value >= least) and (most is None or value <= most)
    if in_range:
        return ""
    bounds = (f" from {least}" if least is not None else "") + (f" to {most}" if most is not None else "")
    return f"{f.name} must be {KINDS[kind]}{bounds}, not {value!r}"
