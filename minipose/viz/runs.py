"""The pictures of a finished run: its curves, and what its network answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minipose.data import Batch
from minipose.viz.curves import training_curves
from minipose.viz.overlays import heatmap_sheet, prediction_sheet


def run_pictures(
    folder: str | os.PathLike, batches: Mapping[str, Batch], outputs: Mapping[str, np.ndarray], codec: Any
) -> None:
    """Write curves.png, predictions.png and, of maps, heatmaps.png into the folder of a run, which holds its log.csv.

    Parameters
    ----------
    folder : folder of the run
    batches : a batch of samples for each set
        The heatmaps shown are those of the first sample of the last set.
    outputs : what the network gave for each of these batches
    codec : codec of minipose.pose
        How they are read.
    """
    folder = Path(folder)
    training_curves(folder / "log.csv", folder / "curves.png")
    images, true, visible = (
        np.concatenate([getattr(batch, name) for batch in batches.values()]) for name in ("images", "points", "visible")
    )
    predicted, _ = codec.decode(np.concatenate([outputs[name] for name in batches]))
    titles = [name for name, batch in batches.items() for _ in range(len(batch))]
    prediction_sheet(images, true, predicted, folder / "predictions.png", visible=visible, titles=titles, columns=4)
    name, batch = list(batches.items())[-1]
    if outputs[name].ndim == 4:
        maps = codec.to_show(outputs[name][:1])[0]
        heatmap_sheet(batch.images[0], maps, folder / "heatmaps.png", codec.stride, points=batch.points[0])
