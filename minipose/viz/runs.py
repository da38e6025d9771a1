"""The pictures of a finished run: its curves, and what its network answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minipose.data import Batch
from minipose.pose import decode_dark
from minipose.viz.curves import training_curves
from minipose.viz.overlays import heatmap_sheet, prediction_sheet


def run_pictures(
    folder: str | os.PathLike, batches: Mapping[str, Batch], maps: Mapping[str, np.ndarray], stride: int
) -> None:
    """Write curves.png, predictions.png and heatmaps.png into the folder of a run, which holds its log.csv.

    Parameters
    ----------
    folder : folder of the run
    batches : a batch of samples for each set
        The heatmaps shown are those of the first sample of the last set.
    maps : the network's heatmaps (N, J, h, w) for each of these batches
    stride : int
        Image pixels per cell of the maps.
    """
    folder = Path(folder)
    training_curves(folder / "log.csv", folder / "curves.png")
    images, true, visible = (
        np.concatenate([getattr(batch, name) for batch in batches.values()]) for name in ("images", "points", "visible")
    )
    predicted, _ = decode_dark(np.concatenate([maps[name] for name in batches]), stride)
    titles = [name for name, batch in batches.items() for _ in range(len(batch))]
    prediction_sheet(images, true, predicted, folder / "predictions.png", visible=visible, titles=titles, columns=4)
    name, batch = list(batches.items())[-1]
    heatmap_sheet(batch.images[0], maps[name][0], folder / "heatmaps.png", stride, points=batch.points[0])
