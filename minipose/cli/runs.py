"""A trained network from a run's folder, or the one that is shipped, with what is needed to use it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from minipose import pretrained
from minipose.data import StickFigures
from minipose.nn import Module
from minipose.train import Config, default_codec, figures_of, load_checkpoint
from minipose.train.run import source_of


@dataclass(frozen=True)
class TrainedNetwork:
    """A network in eval mode, the settings that it was trained with, and how its output is read."""

    model: Module
    config: Config
    codec: Any
    source: dict[str, Any]

    @property
    def size(self) -> int:
        """Side of the images that it was trained on, in pixels."""
        return self.config.size

    def training(self) -> StickFigures | None:
        """Return the figures that it was trained on, or None, with a warning, where they are not to be had."""
        poses = self.config.poses
        if self.source.get("own"):
            reason = "the network was trained on a data set of its own"
        elif poses is not None and not Path(poses).is_file():
            reason = f"there is no file {poses} any more, whose poses the network was trained on"
        elif "poses" in self.source and self.source != source_of(self.config):
            reason = f"{poses} has another content than when the network was trained on its poses"
        else:
            return figures_of(self.config, "train")
        warnings.warn(f"{reason}: there is no mean pose to compare with", stacklevel=2)
        return None


def open_run(path: Path | None, decoder: str = "dark") -> TrainedNetwork:
    """Open the best checkpoint of a run.

    Parameters
    ----------
    path : a run's folder, or a .safetensors file; None for the shipped network
    decoder : {"dark", "quarter", "argmax"}
        From heatmaps to joints; other heads have one way only.

    Raises
    ------
    FileNotFoundError
        If there is no such checkpoint.
    ValueError
        If it is none, or was not written by a run.
    """
    if path is None:
        checkpoint = pretrained.checkpoint()
    else:
        checkpoint = load_checkpoint(path / "best.safetensors" if path.is_dir() else path)
    if "settings" not in checkpoint.training:
        raise ValueError(f"{path} holds a network, but not the settings of its run; only `minipose train` writes both")
    settings, source = checkpoint.training["settings"], checkpoint.training.get("source", {})
    unknown = settings.keys() - {f.name for f in fields(Config)}
    if unknown or "program" in source:
        other = f"another program with settings {', '.join(sorted(unknown))}, such as examples/multi_person.py"
        program = source.get("program", other)
        raise ValueError(f"{path} was written by {program}, which scores it itself; give a run of `minipose train`")
    config = Config(**settings)
    model = checkpoint.build()
    codec = default_codec(model, (config.size, config.size), config.sigma, decoder)
    return TrainedNetwork(model, config, codec, source)
