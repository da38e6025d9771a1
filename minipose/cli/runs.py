"""A trained network from a run's folder, or the one that is shipped, with what is needed to use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minipose import pretrained
from minipose.data import StickFigures
from minipose.nn import Module
from minipose.train import Config, default_codec, figures_of, load_checkpoint


@dataclass(frozen=True)
class TrainedNetwork:
    """A network in eval mode, the settings that it was trained with, and how its output is read."""

    model: Module
    config: Config
    codec: Any

    @property
    def size(self) -> int:
        """Side of the images that it was trained on, in pixels."""
        return self.config.size

    def training(self) -> StickFigures:
        """Return the figures that it was trained on."""
        return figures_of(self.config, "train")


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
    config = Config(**checkpoint.training["settings"])
    model = checkpoint.build()
    codec = default_codec(model, (config.size, config.size), config.sigma, decoder)
    return TrainedNetwork(model, config, codec)
