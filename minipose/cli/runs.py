"""A trained network from a run's folder, or the one that is shipped, with what is needed to use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minipose import pretrained
from minipose.nn import Module
from minipose.pose import HeatmapCodec
from minipose.train import load_checkpoint


@dataclass(frozen=True)
class TrainedNetwork:
    """A network in eval mode, the side of its images in pixels, and how its output is read."""

    model: Module
    size: int
    codec: HeatmapCodec


def open_run(path: Path | None) -> TrainedNetwork:
    """Open the best checkpoint of a run.

    Parameters
    ----------
    path : a run's folder, or a .safetensors file; None for the shipped network

    Raises
    ------
    FileNotFoundError
        If there is no such checkpoint.
    ValueError
        If it is none.
    """
    if path is None:
        checkpoint = pretrained.checkpoint()
    else:
        checkpoint = load_checkpoint(path / "best.safetensors" if path.is_dir() else path)
    model, size = checkpoint.build(), checkpoint.training["settings"]["size"]
    return TrainedNetwork(model, size, HeatmapCodec(image_size=(size, size), stride=model.output_stride))
