"""The trained network that comes with the package, so that `minipose predict` works at once.

Its card, in `card()`, tells which data, seed and command it comes from, and how good it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minipose.nn import Module
from minipose.train import Checkpoint, load_checkpoint

FOLDER = Path(__file__).parent
FILE, CARD = "hourglass.safetensors", "hourglass.json"


def checkpoint(folder: Path = FOLDER) -> Checkpoint:
    """Return the shipped checkpoint. Its filters, float16 in the file, are float32 again."""
    saved = load_checkpoint(folder / FILE)
    exact = {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in saved.model.items()}
    return replace(saved, model=exact)


def load(folder: Path = FOLDER) -> Module:
    """Return the shipped hourglass in eval mode: images (N, 3, 64, 64) to 16 heatmaps (N, 16, 32, 32)."""
    return checkpoint(folder).build()


def card(folder: Path = FOLDER) -> dict[str, Any]:
    """Return what is known of the shipped network: data, seed, command, scores."""
    return json.loads((folder / CARD).read_text(encoding="utf-8"))
