"""`python -m minipose.pretrained RUN`: make the network of a finished run the one that is shipped.

Its filters are kept as float16, which halves the file. The scores on its card are those of the rounded network.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from minipose import pretrained
from minipose.data import SETS, StickFigures
from minipose.files import atomic_path, write_json
from minipose.train import Config, evaluate_sets, figures_of

SCORES = ("pckh50", "pckh10", "auc", "epe_px", "report_score")


def ship(run: Path, folder: Path = pretrained.FOLDER, count: int = 500) -> None:
    """Write the rounded network of the folder `run`, and its card with scores on `count` images of each set."""
    config = Config.load(run / "config.json")
    seconds = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["seconds"]
    with safe_open(run / "best.safetensors", "numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}
    rounded = {name: a.astype(np.float16) if a.ndim == 4 else a for name, a in arrays.items()}
    with atomic_path(folder / pretrained.FILE) as temporary:
        save_file(rounded, temporary, metadata)
    model = pretrained.load(folder)
    tests = {name: StickFigures(name, "test", config.size, count) for name in SETS if name not in ("mixed", "crowd")}
    report = evaluate_sets(model, tests, figures_of(config, "train"))
    card = {
        "data": "stick figures drawn by minipose.data.StickFigures; no photograph, nobody else's drawing",
        "command": shlex.join(["minipose", "train", *config.arguments()]),
        "seed": config.seed,
        "image_size": config.size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds_of_training": seconds,
        "scores": _chosen(report["sets"]),
        "mean_pose": _chosen(report["mean_pose"]),
        "test_images_of_each_set": count,
        "limits": "It finds one figure, in colours that stand out, whole inside the picture. It has not seen people.",
        "licence": "MIT, as minipose",
    }
    write_json(folder / pretrained.CARD, card)


def _chosen(sets: dict[str, dict]) -> dict[str, dict[str, float]]:
    return {name: {score: round(values[score], 4) for score in SCORES} for name, values in sets.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m minipose.pretrained", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    ship(parser.parse_args().run)
