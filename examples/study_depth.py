"""Does depth help? Plain and residual networks of 10 to 66 layers, as in He et al. (2016), figures 1 and 6.

    python examples/study_depth.py --jobs 2 --publish docs/experiments/depth

A plain network is the residual one without its shortcuts. Beside the scores stand the training loss, which tells
whether a deep network is hard to train or learns too much by heart, and, before training and after it, the norm of the
gradient of each layer's weights over the norm of these: how far a step of plain gradient descent would move each layer.
Adam, which trains them here, evens that out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import minipose
from minipose import models
from minipose.data import to_input
from minipose.files import write_json
from minipose.nn import Conv2d, Module
from minipose.train import Config, default_codec, figures_of, load_checkpoint, read_log
from minipose.train.losses import heatmap_loss
from minipose.train.studies import BASE, Study, markdown_table, number, spread, study_main
from minipose.viz import study_pictures
from minipose.viz.canvas import new_figure, save_png

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (5, 7, 8, 4), 66: (8, 8, 8, 8)}
ROWS = {
    f"{name}-{depth}": replace(BASE, model="resnet", width=8, options={"block": block, "blocks": list(blocks)})
    for depth, blocks in BLOCKS.items()
    for name, block in (("plain", "plain"), ("residual", "basic"))
}
COMPARED = [
    *((f"residual-{depth}", f"plain-{depth}") for depth in BLOCKS),
    ("residual-66", "residual-10"),
    ("plain-66", "plain-10"),
]
BATCH = 32  # images for the gradients


def gradient_norms(model: Module, config: Config) -> list[float]:
    """Return |gradient| / |weights| of each 3x3 convolution of the backbone, from the image to the head."""
    batch = figures_of(config, "val", BATCH).batch(range(BATCH))
    targets, _ = default_codec(model, (config.size, config.size), config.sigma).encode(batch.points, batch.visible)
    model.train().zero_grad()
    heatmap_loss(model(minipose.tensor(to_input(batch.images))), minipose.tensor(targets)).backward()
    weights = [m.weight for m in model.backbone.modules() if isinstance(m, Conv2d) and m.weight.shape[2] == 3]
    return [float(np.linalg.norm(w.grad.data) / np.linalg.norm(w.data)) for w in weights]


def all_norms(study: Study) -> dict[str, dict[str, list[float]]]:
    """Return these norms for each row: of a new network, and of that of the first finished seed once it is trained."""
    norms: dict[str, dict[str, list[float]]] = {}
    for name, config in study.configs.items():
        minipose.manual_seed(0)
        norms[name] = {"new": gradient_norms(models.create(config.model, **config.architecture["options"]), config)}
        for path in study.best(name)[:1]:
            norms[name]["trained"] = gradient_norms(load_checkpoint(path).build(), config)
    return norms


def draw(norms: dict[str, dict[str, list[float]]]) -> Figure:
    """Draw the norms layer by layer, new networks left, trained ones right."""
    figure = new_figure(1400, 580, layout="constrained")
    for axes, moment in zip(figure.subplots(1, 2, sharey=True), ("new", "trained"), strict=True):
        for i, (name, values) in enumerate(norms.items()):
            style = "-" if name.startswith("residual") else "--"
            axes.plot(values.get(moment, []), style, color=f"C{i // 2}", label=name, linewidth=1.2)
        axes.set_title(f"{moment} networks", fontsize=10)
        axes.set_xlabel("3x3 convolution, from the image to the head")
        axes.grid(color="#DDDDDD", linewidth=0.7)
    figure.axes[0].set_yscale("log")
    figure.axes[0].set_ylabel("|gradient| / |weights|")
    figure.axes[0].legend(fontsize=8, ncols=2)
    return figure


def report(study: Study, results: dict[str, Any]) -> str:
    norms = all_norms(study)
    write_json(study.out / "gradients.json", norms)
    save_png(draw(norms), study.out / "gradients.png")
    losses = {
        name: spread([read_log(path.with_name("log.csv"))[-1].loss * 1000 for path in study.best(name)])
        for name in study.configs
    }
    lines = [[name, number(losses[name], 2),
              *(f"{max(values) / min(values):.0f}" if (values := norms[name].get(moment)) else "not measured"
                for moment in ("new", "trained"))] for name in study.configs]  # fmt: skip
    headings = ["network", "training loss x 1000, last epoch", "largest / smallest norm, new", "trained"]
    table = markdown_table(headings, lines)
    links = "![Norms](gradients.png)\n\nThe norms of all layers: [gradients.json](gradients.json).\n"
    return f"## Training loss and gradients\n\n{table}\n{links}"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/depth", study_pictures, COMPARED, report))
